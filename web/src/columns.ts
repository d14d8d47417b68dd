/** Tracks and signals: rows of the API's JSON turned into columns, and places on a track. Pure. */

import { MOVES_NOTHING } from "./flags.ts";
import { instant } from "./format.ts";
import type { Page, Signals, Track } from "./types.ts";

export type Row = Record<string, unknown>;

const real = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);

/**
 * Rows without an instant or a place are left out. What the engine did not believe is no part of the path, so
 * that one wild fix does not draw a line over the map; it stands among `flagged`.
 */
export function trackFrom(page: Page<Row>): Track {
  const track: Track = { t: [], lon: [], lat: [], speed: [], flagged: [] };
  for (const row of page.items) {
    const t = instant(row.t);
    const lon = real(row.lon);
    const lat = real(row.lat);
    if (t === null || lon === null || lat === null) continue;
    const flags = real(row.flags) ?? 0;
    if (flags) track.flagged.push({ t, lon, lat, flags });
    if (flags & MOVES_NOTHING) continue;
    track.t.push(t);
    track.lon.push(lon);
    track.lat.push(lat);
    track.speed.push(real(row.speed_kmh));
  }
  return track;
}

/** One column a name; null where a row has no such number. */
export function signalsFrom(page: Page<Row>, names: readonly string[]): Signals {
  const rows = page.items.flatMap((row) => {
    const t = instant(row.t);
    return t === null ? [] : [{ t, row }];
  });
  const values = Object.fromEntries(names.map((name) => [name, rows.map(({ row }) => real(row[name]))]));
  return { t: rows.map(({ t }) => t), values };
}

/** The place on a track at `t` (ms), between its points; null when the track is empty. */
export function placeAt(track: Track, t: number): { lon: number; lat: number; speed: number | null } | null {
  const n = track.t.length;
  if (n === 0) return null;
  let low = 0;
  let high = n - 1;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (track.t[mid]! <= t) low = mid;
    else high = mid - 1;
  }
  const next = Math.min(low + 1, n - 1);
  const gap = track.t[next]! - track.t[low]!;
  const part = gap > 0 ? Math.min(1, Math.max(0, (t - track.t[low]!) / gap)) : 0;
  const mix = (column: number[]) => column[low]! + (column[next]! - column[low]!) * part;
  return { lon: mix(track.lon), lat: mix(track.lat), speed: track.speed[low] ?? null };
}
