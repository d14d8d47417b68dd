/** What the page knows at one moment, and who wants to hear of a change. One instance for the page's life. */

import { EventLog } from "./eventlog.ts";
import type { LiveStatus } from "./live.ts";
import { Motion, STATES } from "./motion.ts";
import { Trails } from "./trails.ts";
import type { CorridorEvent, Gate, PositionRow, TruckInfo, TruckState } from "./types.ts";

export type Selection = { kind: "truck"; id: string } | { kind: "gate"; id: string } | null;
export type Topic = "positions" | "info" | "gates" | "events" | "selection" | "status" | "filter" | "identity";

const OTHER_TIME_MS = 3_600_000;

export class Store {
  readonly motion = new Motion();
  readonly trails = new Trails();
  readonly log = new EventLog();
  readonly info = new Map<string, TruckInfo>();
  readonly hidden = new Set<TruckState>();
  gates: Gate[] = [];
  selection: Selection = null;
  /** What the key may: admin, operator, customs, insurer. */
  role = "";
  /** Whether the key may decide cases: release, inspect, detain, verify a binding. */
  officer = false;
  /** The gates of a customs key; none means all. */
  ownGates: string[] = [];
  /** The events that the last telling of "events" brought. */
  fresh: CorridorEvent[] = [];
  /** A zone is being drawn, so the map's clicks are not for trucks. */
  drawing = false;
  status: LiveStatus = { phase: "connecting", attempt: 0 };
  /** The newest instant that any truck reported (ms). */
  newest = 0;
  private readonly listeners = new Map<Topic, Set<() => void>>();

  /** Whether the key reads feeds and nothing else: no map, no live events. */
  get feedsOnly(): boolean {
    return this.role === "insurer";
  }

  /** Whether the key may change zones. */
  get admin(): boolean {
    return this.role === "admin";
  }

  /** Whether the key may read tracks, signals, visits, trips and stops; officers may not. */
  get fleet(): boolean {
    return this.role !== "customs";
  }

  /** The present: the clock's, or the newest report's where the world shown lives in another time. */
  now(): number {
    const clock = Date.now();
    return this.newest && Math.abs(this.newest - clock) > OTHER_TIME_MS ? this.newest : clock;
  }

  on(topic: Topic, run: () => void): () => void {
    const set = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, set.add(run));
    return () => set.delete(run);
  }

  tell(topic: Topic): void {
    for (const run of this.listeners.get(topic) ?? []) run();
  }

  /** Take live rows; returns the assets of which nothing but the place is known. */
  positions(rows: PositionRow[], now: number): string[] {
    this.motion.update(rows, now);
    this.trails.add(rows);
    for (const row of rows) if (row[5] > this.newest) this.newest = row[5];
    this.tell("positions");
    return rows.filter((row) => !this.info.has(row[0])).map((row) => row[0]);
  }

  events(events: CorridorEvent[]): CorridorEvent[] {
    const fresh = this.log.add(events);
    this.fresh = fresh;
    if (fresh.length) this.tell("events");
    return fresh;
  }

  select(selection: Selection): void {
    if (selection?.id === this.selection?.id && selection?.kind === this.selection?.kind) return;
    this.selection = selection;
    this.tell("selection");
  }

  toggle(state: TruckState): void {
    if (!this.hidden.delete(state)) this.hidden.add(state);
    this.tell("filter");
  }

  shown(stateIndex: number): boolean {
    return !this.hidden.has(STATES[stateIndex]!);
  }

  /** The VIN of a truck, null when it is not known. */
  vinOf(asset: string): string | null {
    return this.info.get(asset)?.vin ?? null;
  }

  /** A truck's name for people: its name, else the end of its VIN, else its id. */
  name(asset: string): string {
    const info = this.info.get(asset);
    return info?.name || (info?.vin ? `…${info.vin.slice(-6)}` : asset.replace(/^asset_/, "").slice(0, 8));
  }
}
