/** Two codes one above the other, character by character, with the place where they differ marked. */

import { h } from "../dom.ts";
import { instant } from "../format.ts";
import { localised, type PortTime } from "./porttime.ts";
import type { Conflict } from "./shapes.ts";
import { causeWords, named, sourceWords } from "./words.ts";

export interface CodeCell {
  /** Null: this code has no character here. */
  got: string | null;
  want: string | null;
  same: boolean;
}

/** The characters of both codes side by side; the longer one has the last word. Pure. */
export function codeCells(got: string | null, want: string | null): CodeCell[] {
  const a = [...(got ?? "")];
  const b = [...(want ?? "")];
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => {
    const [x, y] = [a[i] ?? null, b[i] ?? null];
    return { got: x, want: y, same: x === y };
  });
}

/** `position 9: got 4, want X`, and what else there is to say of two codes. Pure. */
export function differenceWords(got: string | null, want: string | null, position: number | null): string {
  if (!got || !want) return got ? "nothing to compare with" : "no code was given";
  const cells = codeCells(got, want);
  const places = cells.flatMap(({ same }, i) => (same ? [] : [i + 1]));
  if (!places.length) return "the codes are the same";
  const first = position ?? places[0]!;
  const { got: x = null, want: y = null } = cells[first - 1] ?? {};
  const what = x === null ? `ends before ${y}` : y === null ? `got ${x}, want nothing` : `got ${x}, want ${y}`;
  const rest = places.filter((place) => place !== first).length;
  return `position ${first}: ${what}${rest ? `, and ${rest} more ${rest === 1 ? "place differs" : "places differ"}` : ""}`;
}

const WHAT = { vin: "VIN", chassis: "Chassis number", component: "Control unit", device: "Telematics unit" } as const;

/** One conflict: what differs, where, who said which, and what the likely cause is. */
export function conflictView(conflict: Conflict, time: PortTime, vinOf: (asset: string) => string | null): HTMLElement {
  const { got, want, position } = conflict;
  const first = instant(conflict.first);
  const words = differenceWords(got, want, position);
  const name = WHAT[conflict.what] ?? "Code";
  return h("article", { class: `conflict conflict-${conflict.state}`, "data-id": conflict.id ?? "" },
    h("div", { class: "conflict-head" },
      h("strong", {}, `${name} differs`),
      h("span", { class: "badge" }, causeWords(conflict.cause)),
      h("span", { class: `badge ${conflict.state === "open" ? "badge-turned_back" : "badge-completed"}` }, conflict.state === "open" ? "Open" : "Settled")),
    codesView(got, want, position, [`Got, from ${sourceWords(conflict.source)}`, `Wanted, from ${sourceWords(conflict.against)}`], words),
    h("p", { class: "conflict-words" }, localised(named(conflict.text ?? "", vinOf), time) || words),
    first === null ? null : h("p", { class: "quiet" }, `First seen ${time.full(first)} ${time.name(first)}`));
}

/** The rows of characters; spoken as `words`. */
export function codesView(got: string | null, want: string | null, position: number | null, labels: [got: string, want: string], words: string): HTMLElement {
  const cells = codeCells(got, want);
  const mark = position ?? cells.findIndex(({ same }) => !same) + 1;
  const line = (pick: (cell: CodeCell) => string | null) =>
    h("span", { class: "code-line" }, ...cells.map((cell, i) => {
      const text = pick(cell);
      const shape = `${cell.same ? "" : "code-other"} ${text === null ? "code-none" : ""} ${i + 1 === mark && !cell.same ? "code-first" : ""}`;
      return h("span", { class: `code-cell ${shape}` }, text ?? "·");
    }));
  return h("figure", { class: "codes", role: "img", "aria-label": `${labels[0]}: ${got ?? "none"}. ${labels[1]}: ${want ?? "none"}. ${words}` },
    h("figcaption", {}, labels[0]), line((cell) => cell.got),
    h("span", { class: "code-line code-marks", "aria-hidden": "true" }, ...cells.map((cell, i) =>
      h("span", { class: "code-cell" }, cell.same ? "" : i + 1 === mark ? h("b", {}, String(i + 1)) : "•"))),
    line((cell) => cell.want), h("figcaption", {}, labels[1]));
}
