/** What a dry run answered, as rows that lead to trucks. Pure. */

import { clock, dayClock, duration, instant } from "../format.ts";

export interface TrialRow {
  kind: string;
  asset: string;
  text: string;
}

export interface TrialPart {
  count: number;
  rows: TrialRow[];
}

type Held = Record<string, unknown>;
const held = (value: unknown): Held => (value && typeof value === "object" && !Array.isArray(value) ? (value as Held) : {});

/** A part of the answer: a list of objects, or a number where the server only counts. */
export function trialPart(value: unknown): TrialPart {
  if (typeof value === "number") return { count: value, rows: [] };
  if (!Array.isArray(value)) return { count: 0, rows: [] };
  return { count: value.length, rows: value.map(row) };
}

function row(value: unknown): TrialRow {
  const one = held(value);
  const object = { ...one, ...held(one.object), ...held(one.after) };
  const before = held(one.before);
  const name = [object.zone_name, object.gate_name, object.zone, object.gate].find((text) => typeof text === "string");
  const kind = String(one.kind ?? (object.gate_name !== undefined ? "crossing" : "visit"));
  return { kind, asset: String(one.asset ?? object.asset ?? ""), text: [name ?? kind, when(object, before)].filter(Boolean).join(" · ") };
}

/** When it was; where it moved, from when to when. */
function when(object: Held, before: Held): string {
  const parts: string[] = [];
  for (const end of ["enter", "leave"]) {
    const now = at(object[end]);
    const then = at(before[end]);
    if (now === null) continue;
    const moved = then !== null && then !== now ? `${end === "enter" ? "enters" : "leaves"} ${clock(then)} → ${clock(now)}` : "";
    if (moved) parts.push(moved);
    else if (end === "enter" && !Object.keys(before).length) parts.push(dayClock(now));
  }
  const stay = object.dwell_s;
  if (typeof stay === "number" && !Object.keys(before).length) parts.push(duration(stay * 1000));
  if (!parts.length) {
    const t = instant(object.t) ?? at(held(object.stages).line);
    if (t !== null) parts.push(dayClock(t));
  }
  return parts.join(", ");
}

function at(value: unknown): number | null {
  return typeof value === "string" ? instant(value) : instant(held(value).estimate);
}

/** A finding's place in words: `zone 2, ring 1, corner 14`; nothing when it has none. */
export function findingPlace(finding: { feature?: unknown; ring?: unknown; position?: unknown }): string {
  const part = (name: string, value: unknown) => (typeof value === "number" ? `${name} ${value + 1}` : typeof value === "string" && value ? value : "");
  return [part("zone", finding.feature), part("ring", finding.ring), part("corner", finding.position)].filter(Boolean).join(", ");
}

