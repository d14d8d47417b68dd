/** Where brackets lie on a shared piece of time. Pure: brackets in, shares of the width out. */

import { instant } from "./format.ts";
import type { Bracket } from "./types.ts";

type Maybe = Bracket | null | undefined;

/** A period in ms. */
export interface Period {
  from: number;
  to: number;
}

/** A bracket as shares of 1; `open`: nobody saw the time before, so `from` is where the drawing begins. */
export interface Bar {
  from: number;
  to: number;
  tick: number;
  open: boolean;
}

/** The period that holds all brackets, with a margin on both sides; null when there is none. */
export function periodOf(brackets: readonly Maybe[], margin = 0.03): Period | null {
  let from = Infinity;
  let to = -Infinity;
  for (const bracket of brackets) {
    for (const text of [bracket?.earliest, bracket?.estimate, bracket?.latest]) {
      const at = instant(text);
      if (at === null) continue;
      from = Math.min(from, at);
      to = Math.max(to, at);
    }
  }
  if (from > to) return null;
  const room = Math.max(1000, (to - from) * margin);
  return { from: from - room, to: to + room };
}

/** Where a bracket lies in a period; null without a bracket or an estimate. */
export function barOf(bracket: Maybe, { from, to }: Period): Bar | null {
  const tick = instant(bracket?.estimate);
  if (!bracket || tick === null) return null;
  const share = (ms: number) => Math.min(1, Math.max(0, (ms - from) / (to - from)));
  const earliest = instant(bracket.earliest);
  const latest = instant(bracket.latest) ?? tick;
  return { from: earliest === null ? 0 : share(earliest), to: share(latest), tick: share(tick), open: earliest === null };
}

/** `between 14:03:03 and 14:03:21`, by a clock that the caller gives. */
export function bounds(bracket: Bracket, clock: (ms: number) => string): string {
  const earliest = instant(bracket.earliest);
  const latest = instant(bracket.latest);
  if (earliest === null) return latest === null ? "time unknown" : `before ${clock(latest)}, the beginning was not seen`;
  return latest === null ? `after ${clock(earliest)}` : `between ${clock(earliest)} and ${clock(latest)}`;
}

/** What a share of 1 means for a reader; nothing when it is sure. */
export function sureness(confidence: number | null | undefined): string {
  if (confidence === null || confidence === undefined || confidence >= 1) return "";
  if (confidence <= 0) return "Only possible: nothing shows that it was inside";
  const percent = Math.min(99, Math.max(1, Math.round(confidence * 100)));
  const word = percent >= 80 ? "Probable" : percent >= 40 ? "Possible" : "Hardly";
  return `${word}: ${percent} % sure, seen only before and after`;
}
