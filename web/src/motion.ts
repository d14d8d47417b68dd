/**
 * Where trucks are drawn between two updates. Each truck glides from where it is shown to its newest place
 * over the time its updates usually take; a jump too far to be driven is shown at once. Columns, no objects:
 * 5,000 trucks cost two typed-array passes a frame. Pure: the clock is an argument (ms, any origin).
 */

import type { PositionRow, TruckState } from "./types.ts";

export const STATES: readonly TruckState[] = ["moving", "stopped", "at_gate", "silent"];

const FIRST_GAP_MS = 1000;
const MIN_GAP_MS = 200;
const MAX_GAP_MS = 12_000;
const JUMP_DEG = 0.5;
const TURN_DEG = 2e-5;

export class Motion {
  readonly ids: string[] = [];
  readonly index = new Map<string, number>();
  size = 0;
  lon = new Float64Array(0);
  lat = new Float64Array(0);
  heading = new Float32Array(0);
  state = new Uint8Array(0);
  /** The newest values as received. */
  speed = new Float32Array(0);
  t = new Float64Array(0);
  country: (string | null)[] = [];
  toLon = new Float64Array(0);
  toLat = new Float64Array(0);
  private fromLon = new Float64Array(0);
  private fromLat = new Float64Array(0);
  private fromHeading = new Float32Array(0);
  private toHeading = new Float32Array(0);
  private start = new Float64Array(0);
  private span = new Float64Array(0);
  private gap = new Float64Array(0);
  private seen = new Float64Array(0);
  /** When the last glide ends. */
  private until = 0;

  /** Take rows received at `now`. Returns the rows whose asset is new. */
  update(rows: readonly PositionRow[], now: number): string[] {
    this.advance(now);
    const fresh: string[] = [];
    for (const row of rows) {
      const known = this.index.get(row[0]);
      if (known === undefined) {
        this.add(row, now);
        fresh.push(row[0]);
      } else this.move(known, row, now);
    }
    return fresh;
  }

  /** Set `lon`, `lat`, `heading` for `now`; true while anything still glides. */
  advance(now: number): boolean {
    for (let i = 0; i < this.size; i++) {
      const span = this.span[i]!;
      if (span === 0) continue;
      const part = (now - this.start[i]!) / span;
      if (part >= 1) {
        this.lon[i] = this.toLon[i]!;
        this.lat[i] = this.toLat[i]!;
        this.heading[i] = this.toHeading[i]!;
        this.span[i] = 0;
        continue;
      }
      const p = part < 0 ? 0 : part;
      this.lon[i] = this.fromLon[i]! + (this.toLon[i]! - this.fromLon[i]!) * p;
      this.lat[i] = this.fromLat[i]! + (this.toLat[i]! - this.fromLat[i]!) * p;
      // turning takes the first third of the way, like a wheel turned at the bend
      this.heading[i] = turn(this.fromHeading[i]!, this.toHeading[i]!, Math.min(1, p * 3));
    }
    return now < this.until;
  }

  /** How many trucks are in each state, in the order of STATES. */
  counts(): number[] {
    const counts = STATES.map(() => 0);
    for (let i = 0; i < this.size; i++) counts[this.state[i]!]!++;
    return counts;
  }

  stateOf(i: number): TruckState {
    return STATES[this.state[i]!] ?? "silent";
  }

  private add(row: PositionRow, now: number): void {
    const i = this.size++;
    if (i >= this.lon.length) this.grow(Math.max(64, this.lon.length * 2));
    this.ids.push(row[0]);
    this.index.set(row[0], i);
    this.lon[i] = this.toLon[i] = row[1];
    this.lat[i] = this.toLat[i] = row[2];
    this.heading[i] = this.toHeading[i] = row[4] ?? 0;
    this.gap[i] = FIRST_GAP_MS;
    this.seen[i] = now;
    this.keep(i, row);
  }

  private keep(i: number, row: PositionRow): void {
    this.speed[i] = row[3] ?? NaN;
    this.t[i] = row[5];
    this.state[i] = Math.max(0, STATES.indexOf(row[6]));
    this.country[i] = row[7];
  }

  private move(i: number, row: PositionRow, now: number): void {
    this.keep(i, row);
    const [, lon, lat] = row;
    if (lon === this.toLon[i] && lat === this.toLat[i]) return;
    const waited = Math.min(MAX_GAP_MS, Math.max(MIN_GAP_MS, now - this.seen[i]!));
    this.gap[i] = this.gap[i]! + (waited - this.gap[i]!) * 0.3;
    this.seen[i] = now;
    const bearing = course(this.toLon[i]!, this.toLat[i]!, lon, lat);
    this.fromLon[i] = this.lon[i]!;
    this.fromLat[i] = this.lat[i]!;
    this.fromHeading[i] = this.heading[i]!;
    this.toLon[i] = lon;
    this.toLat[i] = lat;
    this.toHeading[i] = row[4] ?? bearing ?? this.heading[i]!;
    if (Math.abs(lon - this.lon[i]!) > JUMP_DEG || Math.abs(lat - this.lat[i]!) > JUMP_DEG) {
      this.lon[i] = lon;
      this.lat[i] = lat;
      this.heading[i] = this.toHeading[i]!;
      this.span[i] = 0;
      return;
    }
    this.start[i] = now;
    // a little longer than the usual gap, so that the next update finds the truck still moving
    this.span[i] = this.gap[i]! * 1.1;
    this.until = Math.max(this.until, now + this.span[i]!);
  }

  private grow(capacity: number): void {
    const wide = (old: Float64Array) => {
      const grown = new Float64Array(capacity);
      grown.set(old);
      return grown;
    };
    const narrow = (old: Float32Array) => {
      const grown = new Float32Array(capacity);
      grown.set(old);
      return grown;
    };
    this.lon = wide(this.lon);
    this.lat = wide(this.lat);
    this.t = wide(this.t);
    this.toLon = wide(this.toLon);
    this.toLat = wide(this.toLat);
    this.fromLon = wide(this.fromLon);
    this.fromLat = wide(this.fromLat);
    this.start = wide(this.start);
    this.span = wide(this.span);
    this.gap = wide(this.gap);
    this.seen = wide(this.seen);
    this.heading = narrow(this.heading);
    this.speed = narrow(this.speed);
    this.fromHeading = narrow(this.fromHeading);
    this.toHeading = narrow(this.toHeading);
    const state = new Uint8Array(capacity);
    state.set(this.state);
    this.state = state;
  }
}

/** From angle `a` to `b` (degrees) the short way round, `part` of it. */
export function turn(a: number, b: number, part: number): number {
  const delta = ((((b - a) % 360) + 540) % 360) - 180;
  return (a + delta * part + 360) % 360;
}

/** Direction of a short move in degrees from north, null when it is too short to tell. */
export function course(lon0: number, lat0: number, lon1: number, lat1: number): number | null {
  const dx = (lon1 - lon0) * Math.cos((lat0 * Math.PI) / 180);
  const dy = lat1 - lat0;
  if (Math.hypot(dx, dy) < TURN_DEG) return null;
  return ((Math.atan2(dx, dy) * 180) / Math.PI + 360) % 360;
}
