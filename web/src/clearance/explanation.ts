/** Why the case is as it is: every revision with what it changed, its cause, evidence, rule and regime version. */

import { runs } from "../changes.ts";
import { h, icon } from "../dom.ts";
import { instant } from "../format.ts";
import { stateChip } from "./chips.ts";
import { localised, type PortTime } from "./porttime.ts";
import type { ExplainEntry, ExplainRevision } from "./shapes.ts";
import { named, short } from "./words.ts";

const WHAT: Record<string, string> = {
  step: "Step", back: "Step back", state: "State", reason: "Reason", deadline: "Deadline", release: "Release", document: "Document", note: "Note",
};

/** What an asset is called, null when that is not known. */
export type Named = (asset: string) => string | null;

/** The whole audit, oldest first. */
export function explanationView(revisions: readonly ExplainRevision[], time: PortTime, name: Named): HTMLElement {
  return h("ol", { class: "explain" }, ...[...revisions].sort((a, b) => a.revision - b.revision).map((one) => revisionView(one, time, name)));
}

function revisionView(one: ExplainRevision, time: PortTime, name: Named): HTMLElement {
  const recorded = instant(one.recorded);
  const positions = [...(one.why?.positions ?? []), one.position].filter((n) => typeof n === "number");
  const back = one.entries.some(({ what }) => what === "back");
  return h("li", { class: `explain-revision ${back ? "explain-back" : ""}`, "data-revision": one.revision },
    h("div", { class: "explain-head" },
      h("b", {}, `Revision ${one.revision}`),
      one.state ? stateChip(one.state) : null,
      recorded === null ? null : h("time", { datetime: one.recorded ?? "", class: "quiet" }, `recorded ${time.full(recorded)}`)),
    h("ul", { class: "explain-entries" }, ...one.entries.map((entry) => entryView(entry, time, name))),
    h("p", { class: "quiet" }, [
      positions.length ? `Evidence: log ${runs(positions)}` : "",
      one.regime ? `regime ${one.regime}, version ${(one.regime_version ?? "").slice(0, 8)}` : "",
    ].filter(Boolean).join(" · ")));
}

/** The ids that stand in a sentence, short; the whole ones are those of the cause beside it. */
function told(sentence: string, name: Named): string {
  return named(sentence, name).replace(/\b[a-z]+_[0-9a-f]{16,}\b/g, short);
}

function entryView(entry: ExplainEntry, time: PortTime, name: Named): HTMLElement {
  const { cause, rule } = entry;
  const about = [
    cause ? `cause: ${cause.kind} ${short(cause.id)}${cause.revision ? `, revision ${cause.revision}` : ""}` : "",
    rule ? `rule: ${rule}` : "",
    entry.source ? `source: ${entry.source}` : "",
    entry.inferred ? "inferred" : "",
  ].filter(Boolean).join(" · ");
  return h("li", { class: `explain-entry explain-${entry.what}` },
    h("span", { class: "explain-what" }, entry.what === "back" ? icon("undo") : null, WHAT[entry.what] ?? entry.what),
    h("span", { class: "explain-said" }, localised(told(entry.sentence, name), time), about ? h("small", { title: cause?.id ?? "" }, about) : null));
}
