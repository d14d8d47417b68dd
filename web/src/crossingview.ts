/** A crossing in short: a row of stages with times and margins, and its length beside the 2.8 h benchmark. */

import { h } from "./dom.ts";
import { clock, dayClock, duration, instant, margin } from "./format.ts";
import { span } from "./sentences.ts";
import { STAGES, type Crossing, type Stage } from "./types.ts";

const BENCHMARK_MS = 2.8 * 3_600_000;

/** The stages that the short form shows; leaving the exit port is told with the line. */
const SHORT = STAGES.filter((name) => name !== "exit_port_left");

export const STAGE_NAMES: Record<Stage, string> = {
  approach: "Approach",
  exit_port: "Exit port",
  exit_port_left: "Left port",
  line: "Line",
  entry_port: "Entry port",
  leave: "Leaves",
};

export const CROSSING_STATES: Record<Crossing["state"], string> = {
  approaching: "Approaching",
  at_exit_port: "At exit port",
  between: "Between the ports",
  at_entry_port: "At entry port",
  completed: "Completed",
  turned_back: "Turned back",
  off_gate: "Off any gate",
};

function stage(crossing: Crossing, name: Stage): HTMLElement {
  const bracket = crossing.stages[name];
  const at = instant(bracket?.estimate);
  const earliest = instant(bracket?.earliest);
  const latest = instant(bracket?.latest);
  const title = bracket
    ? `${STAGE_NAMES[name]}: between ${earliest === null ? "unknown" : clock(earliest)} and ${latest === null ? "unknown" : clock(latest)}`
    : `${STAGE_NAMES[name]}: not yet`;
  return h(
    "li",
    { class: `stage ${at === null ? "stage-open" : "stage-done"} stage-${name}`, title },
    h("span", { class: "stage-dot", "aria-hidden": "true" }),
    h("span", { class: "stage-name" }, STAGE_NAMES[name]),
    h("span", { class: "stage-time" }, at === null ? "–" : clock(at, undefined, true)),
    h("span", { class: "stage-margin" }, margin(earliest, latest)),
  );
}

/** Milliseconds that the crossing took, or has taken up to its last known stage. */
export function taken(crossing: Crossing): number | null {
  const told = span(crossing as unknown as Record<string, unknown>, "duration");
  if (told !== null) return told;
  const times = STAGES.map((name) => instant(crossing.stages[name]?.estimate)).filter((at) => at !== null);
  return times.length > 1 ? times[times.length - 1]! - times[0]! : null;
}

/** `head` is what stands first: the gate's name or the truck's. */
export function crossingCard(crossing: Crossing, head: Node | string): HTMLElement {
  const length = taken(crossing);
  const card = h(
    "article",
    { class: "crossing" },
    h(
      "div",
      { class: "crossing-head" },
      h("strong", {}, head),
      h("span", { class: "way" }, crossing.direction.replace(">", " → ")),
      h("span", { class: `badge badge-${crossing.state}` }, CROSSING_STATES[crossing.state] ?? crossing.state),
    ),
    h("ol", { class: "stages" }, ...SHORT.map((name) => stage(crossing, name))),
  );
  if (length !== null && length > 0) card.append(benchmark(crossing, length));
  return card;
}

/** The length of a crossing as a bar against the benchmark. */
export function benchmark(crossing: Crossing, length: number): HTMLElement {
  const first = STAGES.map((name) => instant(crossing.stages[name]?.estimate)).find((at) => at !== null) ?? null;
  const done = crossing.state === "completed";
  const part = Math.min(1, length / BENCHMARK_MS);
  return h(
    "div",
    { class: "benchmark" },
    h("div", { class: "benchmark-bar", role: "img", "aria-label": `${Math.round((length / BENCHMARK_MS) * 100)} percent of the 2.8 hour benchmark` },
      h("span", { style: `width:${(part * 100).toFixed(1)}%`, class: length > BENCHMARK_MS ? "over" : "" })),
    h("span", {}, `${duration(length)}${done ? "" : " so far"}`),
    h("span", { class: "quiet" }, first === null ? "of 2.8 h" : `of 2.8 h · ${dayClock(first)}`),
  );
}
