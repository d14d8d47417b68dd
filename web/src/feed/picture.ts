/** A proof as a picture: the entry below, the hashes beside the way, the root, and who signed it. */

import { s } from "../dom.ts";
import { number } from "../format.ts";
import { hex, type Bytes } from "./bytes.ts";
import type { Check, Checked } from "./check.ts";

const WIDTH = 560;
const STEP = 46;
const BOX = 132;
const TALL = 26;
const MIDDLE = WIDTH / 2;
const AWAY = 176;

/** The tone of a part: whether what it stands for holds. */
function tone(holds: boolean | null | undefined): string {
  return holds === undefined || holds === null ? "plain" : holds ? "good" : "bad";
}

function short(hash: Bytes): string {
  const text = hex(hash);
  return `${text.slice(0, 6)}…${text.slice(-4)}`;
}

function box(x: number, y: number, text: string, kind: string, title: string): SVGElement {
  return s("g", { class: `proof-box proof-${kind}` },
    s("title", {}, title),
    s("rect", { x: x - BOX / 2, y: y - TALL / 2, width: BOX, height: TALL, rx: 7 }),
    s("text", { x, y: y + 4, "text-anchor": "middle" }, text));
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string): SVGElement {
  return s("path", { class: `proof-line proof-${kind}`, d: `M${x1} ${y1}C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}` });
}

/** The picture of what was checked; says the same in words to assistive technology. */
export function proofPicture({ checks, proof, path, joins }: Checked): SVGElement {
  const of = (name: Check["name"]) => checks.find((one) => one.name === name);
  const steps = path?.steps ?? [];
  const height = (steps.length + 3) * STEP + 20;
  const bottom = height - STEP / 2 - 10;
  const way = path ? (joins ? "good" : "bad") : "bad";
  const parts: SVGElement[] = [];
  const boxes: SVGElement[] = [box(MIDDLE, bottom, proof ? `entry ${number(proof.index)}` : "entry", tone(of("content")?.holds ?? of("entry")?.holds), "The entry: commitments to the record's content")];
  let y = bottom;
  if (path) {
    parts.push(line(MIDDLE, y, MIDDLE, y - STEP, way));
    y -= STEP;
    boxes.push(box(MIDDLE, y, short(path.leaf), way, `Hash of the entry: ${hex(path.leaf)}`));
  }
  for (const { beside, left, made } of steps) {
    const x = MIDDLE + (left ? -AWAY : AWAY);
    parts.push(line(MIDDLE, y, MIDDLE, y - STEP, way), line(x, y, MIDDLE, y - STEP, "plain"));
    boxes.push(box(x, y, short(beside), "plain", `Of other entries, out of the proof: ${hex(beside)}`));
    y -= STEP;
    boxes.push(box(MIDDLE, y, short(made), way, `Hash of both below: ${hex(made)}`));
  }
  if (proof) {
    const { checkpoint } = proof;
    const signed = of("signature");
    const top = STEP / 2 + 6;
    parts.push(line(MIDDLE, y, MIDDLE, top, way));
    boxes.push(s("g", { class: `proof-box proof-head proof-${tone(signed?.holds)}` },
      s("title", {}, `${checkpoint.origin}: root ${hex(checkpoint.root)}`),
      s("rect", { x: MIDDLE - 150, y: top - 19, width: 300, height: 38, rx: 9 }),
      s("text", { x: MIDDLE, y: top - 3, "text-anchor": "middle" }, `signed root of ${number(checkpoint.size)} entries`),
      s("text", { x: MIDDLE, y: top + 12, "text-anchor": "middle", class: "proof-small" }, short(checkpoint.root))));
    checks.filter((one) => one.name === "witness").slice(0, 4).forEach((one, i) =>
      boxes.push(s("g", { class: `proof-seal proof-${tone(one.holds)}` },
        s("title", {}, one.says), s("circle", { cx: MIDDLE + 178 + i * 28, cy: top, r: 11 }), s("text", { x: MIDDLE + 178 + i * 28, y: top + 4, "text-anchor": "middle" }, "W"))));
  }
  const words = checks.map((one) => one.says).join(" ");
  return s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "proof-picture", role: "img", "aria-label": `The way from the entry to the signed root. ${words}` }, ...parts, ...boxes);
}
