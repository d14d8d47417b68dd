/**
 * Tracks and signals out of the API's JSON: columns of equal length, or a list of rows. Pure. Times come as
 * RFC 3339 texts or as ms; rows without a usable time are left out.
 */

import type { Signals, Track } from "./types.ts";
import { instant } from "./format.ts";

type Columns = Record<string, unknown[]>;

function toColumns(answer: unknown): Columns {
  if (Array.isArray(answer)) return fromRows(answer);
  const body = (answer ?? {}) as Record<string, unknown>;
  for (const name of ["items", "samples", "points", "rows"]) {
    if (Array.isArray(body[name])) return fromRows(body[name]);
  }
  const inner = (body.columns ?? body) as Record<string, unknown>;
  const columns: Columns = {};
  for (const [name, values] of Object.entries(inner)) {
    if (Array.isArray(values)) columns[name] = values;
    else if (name === "signals" || name === "values") Object.assign(columns, toColumns(values));
  }
  return columns;
}

function fromRows(rows: unknown[]): Columns {
  const columns: Columns = {};
  rows.forEach((row, i) => {
    for (const [name, value] of Object.entries(row as Record<string, unknown>)) {
      (columns[name] ??= new Array<unknown>(rows.length).fill(null))[i] = value;
    }
  });
  return columns;
}

const time = (value: unknown) => (typeof value === "number" ? value : instant(value));
const real = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);

export function trackFrom(answer: unknown): Track {
  const columns = toColumns(answer);
  const times = columns.t ?? columns.t_ms ?? [];
  const track: Track = { t: [], lon: [], lat: [], speed: [] };
  times.forEach((value, i) => {
    const t = time(value);
    const lon = real(columns.lon?.[i]);
    const lat = real(columns.lat?.[i]);
    if (t === null || lon === null || lat === null) return;
    track.t.push(t);
    track.lon.push(lon);
    track.lat.push(lat);
    track.speed.push(real(columns.speed_kmh?.[i]));
  });
  return track;
}

export function signalsFrom(answer: unknown, names: readonly string[]): Signals {
  const columns = toColumns(answer);
  const times = (columns.t ?? columns.t_ms ?? []).map(time);
  const keep = times.flatMap((t, i) => (t === null ? [] : [i]));
  const values: Signals["values"] = {};
  for (const name of names) values[name] = keep.map((i) => real(columns[name]?.[i]));
  return { t: keep.map((i) => times[i]!), values };
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
