/** The flags of a fix in words. Pure; the bits are those of the API's column `flags`. */

import type { FlaggedFix } from "./types.ts";

const NAMES: readonly [bit: number, name: string][] = [
  [1, "no fix"],
  [2, "poor precision"],
  [4, "null island"],
  [8, "clock ahead"],
  [16, "clock behind"],
  [32, "conflicting report"],
  [64, "frozen while wheels turn"],
  [128, "jump"],
  [256, "speed differs from the wheels'"],
  [512, "odometer differs from the way"],
];

/** The bits of fixes that move no visit, crossing, trip or stop; the others are advice. */
export const MOVES_NOTHING = 0xff;

/** Each flag's name, the lowest bit first; a bit without a name is told by its number. */
export function flagNames(flags: number): string[] {
  const found = NAMES.filter(([bit]) => flags & bit).map(([, name]) => name);
  const known = NAMES.reduce((all, [bit]) => all | bit, 0);
  for (let bit = 1; bit <= flags; bit *= 2) {
    if (flags & bit && !(known & bit)) found.push(`flag ${bit}`);
  }
  return found;
}

/** `jump, clock ahead: not used`. */
export function flagWords(flags: number): string {
  const names = flagNames(flags).join(", ");
  return flags & MOVES_NOTHING ? `${names}: not used` : names;
}

/** Flagged fixes for the map; `text` is what a pointer over one reads. */
export function flaggedFeatures(fixes: readonly FlaggedFix[], clock: (ms: number) => string): GeoJSON.FeatureCollection<GeoJSON.Point> {
  return {
    type: "FeatureCollection",
    features: fixes.map(({ t, lon, lat, flags }) => ({
      type: "Feature",
      properties: { text: `${clock(t)} · ${flagWords(flags)}`, used: (flags & MOVES_NOTHING) === 0 },
      geometry: { type: "Point", coordinates: [lon, lat] },
    })),
  };
}

/** `3 fixes with doubts: 2 jump, 1 clock ahead`: for those who see no map. */
export function flaggedWords(fixes: readonly FlaggedFix[]): string {
  const counts = new Map<string, number>();
  for (const { flags } of fixes) for (const name of flagNames(flags)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${n} ${name}`);
  return `${fixes.length === 1 ? "1 fix" : `${fixes.length} fixes`} with doubts: ${parts.join(", ")}`;
}
