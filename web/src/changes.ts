/** What a revision changed, as words: field names, values before and after, log positions. Pure. */

import { clock, country, duration, instant, margin, number } from "./format.ts";
import type { Bracket, Revision } from "./types.ts";

const NAMES: Record<string, string> = {
  enter: "entry",
  leave: "leaving",
  dwell: "stay",
  how: "how it is known",
  zone_version: "version of the zone",
  confidence: "sureness",
  duration: "length",
  odometer: "odometer's way",
  difference: "difference to the odometer",
  distance: "distance",
  exit_port: "exit port",
  exit_port_left: "left the exit port",
  entry_port: "entry port",
  line: "line",
  approach: "approach",
  countries: "countries",
};

/** Endings of the engine's names, and what the API makes of them. */
const ENDINGS: readonly [engine: string, api: string][] = [
  ["_ms", ""], ["_ms", "_s"], ["_mm", "_m"], ["_e7", ""], ["_permille", ""], ["_ckmh", "_kmh"],
];

/** A field in words: `stages.exit_port_left` is `left the exit port`. */
export function fieldName(path: string): string {
  const last = path.split(".").pop()!.replace(/_(ms|mm|s|m|permille|e7)$/, "");
  const name = NAMES[last] ?? last.replaceAll("_", " ");
  return path.startsWith("dwell_ms.") ? `stay, ${name}` : name;
}

/** The value under a name of the engine's in an object with the API's names; undefined when it has none. */
export function valueAt(object: Record<string, unknown>, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split(".")) {
    if (value === null || typeof value !== "object") return undefined;
    const held = value as Record<string, unknown>;
    const names = [part, ...ENDINGS.filter(([from]) => part.endsWith(from)).map(([from, to]) => part.slice(0, -from.length) + to)];
    const found = names.find((name) => name in held);
    if (found === undefined) return undefined;
    value = held[found];
  }
  return value;
}

/** A value for people; `path` tells its unit. */
export function shown(path: string, value: unknown, zone?: string): string {
  if (value === null || value === undefined) return "not known";
  if (typeof value === "string") {
    const at = /^\d{4}-\d\d-\d\dT/.test(value) ? instant(value) : null;
    if (at !== null) return clock(at, zone);
    return path.endsWith("country") ? country(value) : value.replaceAll("_", " ");
  }
  if (typeof value === "number") {
    if (/confidence/.test(path)) return `${Math.round(value * 100)} %`;
    if (/(dwell|duration)/.test(path)) return duration(value * 1000);
    if (/(distance|odometer|difference)/.test(path)) return `${number(value / 1000, 1)} km`;
    return number(value, Number.isInteger(value) ? 0 : 4);
  }
  const bracket = value as Partial<Bracket>;
  const at = instant(bracket.estimate);
  if (at === null) return "changed";
  return [clock(at, zone), margin(instant(bracket.earliest), instant(bracket.latest))].filter(Boolean).join(" ");
}

/** One line a changed field: `leaving: not known → 14:03:12 ±9 s`. Without the revision before, the new value alone. */
export function changeLines(revision: Revision, before: Revision | undefined, zone?: string): string[] {
  const paths = (revision.why?.changed ?? []).flatMap((path) => inside(path, revision, before));
  return paths.map((path) => {
    const now = shown(path, valueAt(revision.object, path), zone);
    if (!before) return `${fieldName(path)}: ${now}`;
    const then = shown(path, valueAt(before.object, path), zone);
    if (then !== now) return `${fieldName(path)}: ${then} → ${now}`;
    if (now === "changed" || now === "not known") return `${fieldName(path)} changed`;
    return isBracket(valueAt(revision.object, path)) ? `${fieldName(path)}: ${now}, known better` : `${fieldName(path)}: ${now}`;
  });
}

const isBracket = (value: unknown) => value !== null && typeof value === "object" && "estimate" in value;

/** Fields of an object of objects, such as `stages`: those within that differ. */
function inside(path: string, revision: Revision, before: Revision | undefined): string[] {
  const now = valueAt(revision.object, path);
  if (now === null || typeof now !== "object" || isBracket(now) || !["stages", "dwell_ms"].includes(path)) return [path];
  const then = (before && valueAt(before.object, path)) ?? {};
  const names = Object.keys(now).filter((name) => JSON.stringify((now as never)[name]) !== JSON.stringify((then as never)[name]));
  return names.length ? names.map((name) => `${path}.${name}`) : [path];
}

/** `12–15, 19`: log positions, runs joined. */
export function runs(positions: readonly number[]): string {
  const sorted = [...new Set(positions)].sort((a, b) => a - b);
  const parts: [number, number][] = [];
  for (const n of sorted) {
    const last = parts[parts.length - 1];
    if (last && n === last[1] + 1) last[1] = n;
    else parts.push([n, n]);
  }
  return parts.map(([a, b]) => (a === b ? `${a}` : b === a + 1 ? `${a}, ${b}` : `${a}–${b}`)).join(", ");
}
