/** What a dry run answered, as rows that lead to trucks. Pure. */

import { fieldName } from "../changes.ts";
import { clock, country, dayClock, duration, instant } from "../format.ts";
import type { TrialChange } from "../types.ts";

export interface TrialRow {
  asset: string;
  text: string;
}

type Held = Record<string, unknown>;

/** A visit or crossing that would be otherwise: which, when, and what would change. */
export function trialRow({ kind, asset, what, before, after }: TrialChange): TrialRow {
  const object = after ?? before ?? {};
  const told = after && before ? changed(before, after, what) : whole(object);
  return { asset, text: [nameOf(kind, object), ...told].join(" · ") };
}

function nameOf(kind: string, object: Held): string {
  if (object.zone_kind === "country" && typeof object.country === "string") return country(object.country);
  const name = [object.zone_name, object.gate_name, object.zone, object.gate].find((text) => typeof text === "string" && text);
  return kind === "crossing" ? `crossing ${String(object.direction ?? "").replace(">", " → ")} ${String(name ?? "off any gate")}` : String(name ?? kind);
}

/** When it was and how long it took. */
function whole(object: Held): string[] {
  const stages = Object.values((object.stages ?? {}) as Held).map(at).filter((ms) => ms !== null);
  const begin = at(object.enter) ?? stages[0] ?? null;
  const long = typeof object.dwell_s === "number" ? object.dwell_s : object.duration_s;
  return [begin === null ? "" : dayClock(begin), typeof long === "number" ? duration(long * 1000) : ""].filter(Boolean);
}

/** Both ends that move, and the names of other fields. */
function changed(before: Held, after: Held, what: readonly string[]): string[] {
  const ends = ["enter", "leave"].flatMap((end) => {
    const [then, now] = [at(before[end]), at(after[end])];
    if (then === now) return [];
    const said = (ms: number | null) => (ms === null ? "not seen" : clock(ms));
    return [`${end === "enter" ? "enters" : "leaves"} ${said(then)} → ${said(now)}`];
  });
  const others = what.filter((name) => !/^(enter|leave|dwell_ms|dwell_s)$/.test(name)).map(fieldName);
  const begin = whole(before)[0];
  return [...(begin ? [begin] : []), ...ends, ...(others.length ? [`other ${others.join(", ")}`] : [])];
}

function at(value: unknown): number | null {
  return instant((value as Held | null | undefined)?.estimate);
}
