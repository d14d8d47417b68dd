/** The stages of a case as a line, and its clocks against the benchmark. */

import { h } from "../dom.ts";
import { duration, instant, margin } from "../format.ts";
import type { PortTime } from "./porttime.ts";
import { LINE, type Case, type LineStage, type Step } from "./shapes.ts";
import { spanWords, STAGE_WORDS, stateTone, stateWords } from "./words.ts";

export const BENCHMARK_S = 10_080;
const CLOCKS = ["exit_port", "line", "entry_port", "to_release", "filing_to_release"] as const;

export interface StagePlace {
  stage: LineStage;
  step: Step | null;
  /** done: seen; inferred: passed over by the evidence; here: the furthest; next: not reached. */
  how: "done" | "inferred" | "here" | "next";
}

/** Every stage of the line with its step; what the case has not reached is `next`. Pure. */
export function stagePlaces(about: Pick<Case, "steps" | "stage">): StagePlace[] {
  const steps = new Map((about.steps ?? []).map((step) => [step.stage, step]));
  return LINE.map((stage) => {
    const step = steps.get(stage) ?? null;
    const how = stage === about.stage ? "here" : !step ? "next" : step.inferred ? "inferred" : "done";
    return { stage, step, how };
  });
}

/** Seconds that clearance has taken: told when it is over, else since the arrival at the exit port. Pure. */
export function clearanceTime(about: Case, now: number): { s: number; running: boolean } | null {
  const told = clock(about, "total");
  if (told !== null) return { s: told, running: false };
  const arrived = instant(about.steps?.find(({ stage }) => stage === "arrived")?.t);
  if (arrived === null) return null;
  const end = instant(about.ended) ?? now;
  return { s: Math.max(0, (end - arrived) / 1000), running: about.ended === null || about.ended === undefined };
}

/** A clock of the case in seconds, whichever of the unit's spellings the API uses. Pure. */
export function clock(about: Case, name: string): number | null {
  const s = about.clocks_s?.[name];
  if (typeof s === "number") return s;
  const ms = (about as { clocks_ms?: Record<string, number | null> | null }).clocks_ms?.[name];
  return typeof ms === "number" ? ms / 1000 : null;
}

export function stageLine(about: Case, time: PortTime): HTMLElement {
  const side = !(about.state in STAGE_WORDS);
  const items = stagePlaces(about).map(({ stage, step, how }) => {
    const at = instant(step?.t);
    const width = margin(instant(step?.earliest), instant(step?.latest));
    const words = how === "inferred" ? "not seen, inferred" : at === null ? (how === "here" ? "now" : "not yet") : `${time.full(at)} ${width}`;
    return h("li", { class: `step step-${how} ${how === "here" && side ? `step-side tone-step-${stateTone(about.state)}` : ""}`, title: `${STAGE_WORDS[stage]}: ${words}`,
      "aria-current": how === "here" ? "step" : null },
      h("span", { class: "step-dot", "aria-hidden": "true" }),
      h("span", { class: "step-name" }, STAGE_WORDS[stage]),
      h("span", { class: "step-time" }, how === "inferred" ? "inferred" : at === null ? "–" : time.clock(at)),
      h("span", { class: "step-margin" }, width),
      how === "here" && side ? h("span", { class: "step-state" }, stateWords(about.state)) : null);
  });
  return h("ol", { class: "steps", "aria-label": "Stages" }, ...items);
}

/** The clearance time as a bar against 2.8 h, and the time of each part of the way. */
export function clocksView(about: Case, now: number): HTMLElement {
  const limit = about.benchmark_s ?? BENCHMARK_S;
  const taken = clearanceTime(about, now);
  const share = taken ? taken.s / limit : 0;
  const over = taken !== null && taken.s > limit;
  const hours = `${Math.round(limit / 360) / 10} h`;
  const bar = h("div", { class: "clearance-time" },
    h("div", { class: "clearance-figure" }, h("b", { class: over ? "bad-figure" : "" }, taken ? duration(taken.s * 1000) : "not begun"),
      h("span", { class: "quiet" }, taken ? `${taken.running ? "so far, " : ""}of the ${hours} benchmark` : `begins at the exit port; benchmark ${hours}`)),
    h("div", { class: "benchmark-bar", role: "img", "aria-label": taken ? `${Math.round(share * 100)} percent of the ${hours} benchmark` : "Clearance has not begun" },
      h("span", { style: `width:${(Math.min(1, share) * 100).toFixed(1)}%`, class: over ? "over" : "" })));
  const parts = CLOCKS.map((name) => [name, clock(about, name)] as const);
  return h("div", { class: "clocks" }, bar,
    h("dl", { class: "figures clock-figures" }, ...parts.map(([name, s]) => h("div", {}, h("dt", {}, spanWords(name)), h("dd", {}, s === null ? "–" : duration(s * 1000))))));
}
