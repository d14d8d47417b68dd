/** Small marks of the clearance views: state, deadline, clock by the port. */

import { h } from "../dom.ts";
import { instant } from "../format.ts";
import { localised, type PortTime } from "./porttime.ts";
import type { Deadline } from "./shapes.ts";
import { deadlineWords, stateTone, stateWords } from "./words.ts";

export function stateChip(state: string): HTMLElement {
  return h("span", { class: `state state-${stateTone(state)}` }, h("span", { class: "state-mark", "aria-hidden": "true" }), stateWords(state));
}

export function deadlineChip(deadline: Deadline | null, time: PortTime, now: number): HTMLElement | null {
  if (!deadline) return null;
  const words = deadlineWords(deadline, (ms) => time.short(ms, now));
  return h("span", { class: `due due-${deadline.state}`, title: localised(deadline.text ?? "", time) }, words);
}

/** `14:05` with the whole instant under the pointer; a dash when there is none. */
export function timeOf(text: string | null | undefined, time: PortTime, now: number): HTMLElement {
  const ms = instant(text);
  if (ms === null || !text) return h("span", { class: "quiet" }, "–");
  return h("time", { datetime: text, title: `${time.full(ms)} ${time.name(ms)}` }, time.short(ms, now));
}

/** What went wrong, as one sentence. */
export function trouble(what: string, error: unknown): string {
  return `Could not ${what}: ${error instanceof Error ? error.message : String(error)}`;
}
