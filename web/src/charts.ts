/** Small line charts as SVG: a signal over time with its range and newest value. `shape` is pure. */

import { h, s } from "./dom.ts";
import { clock, number } from "./format.ts";

export interface Shape {
  line: string;
  area: string;
  low: number;
  high: number;
  last: number | null;
}

type Values = readonly (number | null)[];

/**
 * Path data for `values` over times `t` (ms) in a box of `width` by `height`; gaps in time longer than `gap`
 * ms, and nulls, break the line. Null when nothing is known.
 */
export function shape(t: readonly number[], values: Values, width: number, height: number, gap = Infinity): Shape | null {
  let low = Infinity;
  let high = -Infinity;
  let last: number | null = null;
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    last = value;
  }
  if (last === null) return null;
  const t0 = t[0]!;
  const scaleX = width / Math.max(1, t[t.length - 1]! - t0);
  const range = high - low || 1;
  const flat = high === low;
  const runs: [number, number][][] = [];
  let open: [number, number][] | null = null;
  let before = -Infinity;
  values.forEach((value, i) => {
    if (value === null) return;
    if (!open || t[i]! - before > gap) runs.push((open = []));
    before = t[i]!;
    const y = flat ? height / 2 : height - ((value - low) / range) * height;
    open.push([round((t[i]! - t0) * scaleX), round(y)]);
  });
  const path = (run: [number, number][]) => "M" + run.map(([x, y]) => `${x} ${y}`).join("L");
  const line = runs.map((run) => (run.length > 1 ? path(run) : `${path(run)}h.01`)).join("");
  const area = runs.map((run) => `${path(run)}L${run[run.length - 1]![0]} ${height}L${run[0]![0]} ${height}Z`).join("");
  return { line, area, low, high, last };
}

const round = (value: number) => Math.round(value * 10) / 10;

const WIDTH = 150;
const HEIGHT = 40;

/** A card with the signal's name, newest value, line and range; a pointer or finger reads single values. */
export function chartCard(label: string, unit: string, decimals: number, t: number[], values: (number | null)[]): HTMLElement | null {
  const drawn = shape(t, values, WIDTH, HEIGHT, gapOf(t));
  if (!drawn) return null;
  const newest = h("span", { class: "chart-value" }, number(drawn.last, decimals));
  const when = h("span", { class: "chart-unit" }, ` ${unit}`);
  const cursor = s("line", { y1: 0, y2: HEIGHT, class: "chart-cursor", visibility: "hidden" });
  const picture = s(
    "svg",
    { viewBox: `0 -2 ${WIDTH} ${HEIGHT + 4}`, class: "chart", preserveAspectRatio: "none", role: "img",
      "aria-label": `${label}: now ${number(drawn.last, decimals)} ${unit}, from ${number(drawn.low, decimals)} to ${number(drawn.high, decimals)}` },
    s("path", { d: drawn.area, class: "chart-area" }),
    s("path", { d: drawn.line, class: "chart-line" }),
    cursor,
  );
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const i = nearest(t, values, t[0]! + part * (t[t.length - 1]! - t[0]!));
    if (i < 0) return;
    const x = ((t[i]! - t[0]!) / Math.max(1, t[t.length - 1]! - t[0]!)) * WIDTH;
    cursor.setAttribute("x1", String(x));
    cursor.setAttribute("x2", String(x));
    cursor.setAttribute("visibility", "visible");
    newest.textContent = number(values[i], decimals);
    when.textContent = ` ${unit} at ${clock(t[i]!)}`;
  });
  picture.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    newest.textContent = number(drawn.last, decimals);
    when.textContent = ` ${unit}`;
  });
  return h(
    "div",
    { class: "chart-card" },
    h("div", { class: "chart-head" }, h("span", { class: "chart-label" }, label), h("span", {}, newest, when)),
    picture,
    h("div", { class: "chart-range" }, h("span", {}, `low ${number(drawn.low, decimals)}`), h("span", {}, `high ${number(drawn.high, decimals)}`)),
  );
}

/** A break in the line where samples are missing: eight times the usual distance, at least two minutes. */
export function gapOf(t: readonly number[]): number {
  if (t.length < 3) return Infinity;
  const gaps = t.slice(1).map((value, i) => value - t[i]!).sort((a, b) => a - b);
  return Math.max(120_000, gaps[gaps.length >> 1]! * 8);
}

function nearest(t: readonly number[], values: Values, at: number): number {
  let best = -1;
  for (let i = 0; i < t.length; i++) {
    if (values[i] === null) continue;
    if (best < 0 || Math.abs(t[i]! - at) < Math.abs(t[best]! - at)) best = i;
  }
  return best;
}
