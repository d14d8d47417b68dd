/**
 * The page's traffic with the server: what is loaded at the start, what is asked for again, and how the live
 * connection's messages and a catch-up after a lost one come together without gaps or doubles.
 */

import { type Api, ApiError, type Identity } from "./api.ts";
import { browserWorld, Live } from "./live.ts";
import type { Store } from "./store.ts";
import type { CorridorEvent, Crossing, Visit } from "./types.ts";

const PAGE = 500;
const RECENT = 60;
const GATES_MS = 10_000;
const INFO_MS = 1500;

export class Session {
  readonly live: Live;
  private waitingEvents: CorridorEvent[] | null = null;
  /** How many times something was missed since the page was opened. */
  private gaps = 0;
  private ended = false;
  private infoDue = 0;
  private asked = new Set<string>();
  private gatesDue = 0;

  constructor(private readonly api: Api, private readonly store: Store, private readonly refused: (reason: string) => void) {
    this.live = new Live(api.key, {
      status: (status) => {
        store.status = status;
        store.tell("status");
        if (status.phase === "refused") this.refuse(status.reason);
      },
      welcome: (cursor) => void this.welcome(cursor),
      positions: (rows) => {
        const unknown = store.positions(rows, performance.now());
        if (unknown.some((asset) => !this.asked.has(asset))) this.askInfo();
      },
      event: (event) => this.take(event),
      lag: () => void this.catchUp(null),
      alive: async () => {
        await api.whoami();
        return true;
      },
    }, browserWorld());
    window.addEventListener("online", () => this.live.retry());
    window.setInterval(() => {
      if (!this.store.feedsOnly) void this.loadGates();
    }, GATES_MS);
  }

  async start(): Promise<void> {
    await this.loadIdentity();
    if (this.store.feedsOnly) return;
    this.live.start();
    await Promise.all([this.loadGates(), this.loadInfo()]);
  }

  async zones(): Promise<GeoJSON.FeatureCollection> {
    const zones = await this.api.zones();
    return { ...zones, features: zones.features.filter((zone) => zone.properties?.kind !== "country") };
  }

  private async loadIdentity(): Promise<void> {
    const { role = "", officer = false, gates } = await this.api.whoami().catch((): Identity => ({}));
    this.store.role = role;
    this.store.officer = officer;
    this.store.ownGates = gates ?? [];
    this.store.tell("identity");
  }

  private async welcome(cursor: string | null): Promise<void> {
    if (this.store.log.cursor !== null) return this.catchUp(cursor);
    this.store.log.cursor = cursor;
    await this.recent();
  }

  /** At the start: the newest revision of the newest crossings and visits, as the events that they were. */
  private async recent(): Promise<void> {
    const [crossings, visits] = await Promise.all([
      this.api.crossings({ limit: String(RECENT) }).catch(() => []),
      this.store.fleet ? this.api.visits({ limit: String(RECENT) }).catch(() => []) : [],
    ]);
    const past = [...crossings.map((object) => eventOf("crossing", object)), ...visits.map((object) => eventOf("visit", object))];
    past.sort((a, b) => b.recorded.localeCompare(a.recorded));
    this.store.log.seed(past);
    this.store.fresh = [];
    this.store.tell("events");
  }

  /**
   * Ask for what was missed. Events told meanwhile wait until the gap is filled, so their order stays the
   * stream's. `other` is where to go on when the server no longer knows the place. A gap that can't be filled
   * now leads to a new connection, which tries again.
   */
  private async catchUp(other: string | null): Promise<void> {
    this.gaps++;
    if (this.waitingEvents) return;
    const waited = (this.waitingEvents = [] as CorridorEvent[]);
    const { log } = this.store;
    try {
      for (let filled = -1; filled !== this.gaps; ) {
        filled = this.gaps;
        for (let full = true; full; ) {
          const page = await this.api.events(log.cursor, PAGE);
          this.arrived(page);
          full = page.length === PAGE;
        }
      }
      this.waitingEvents = null;
      this.arrived(waited);
    } catch (error) {
      this.waitingEvents = null;
      const forgotten = error instanceof ApiError && (error.status === 400 || error.status === 410);
      if (forgotten && other) log.cursor = other;
      this.live.restart();
    }
    void this.loadInfo();
  }

  private take(event: CorridorEvent): void {
    if (this.waitingEvents) this.waitingEvents.push(event);
    else this.arrived([event]);
  }

  private arrived(events: CorridorEvent[]): void {
    const fresh = this.store.events(events);
    if (fresh.some((event) => event.kind === "asset" || event.kind === "device")) this.askInfo();
    if (fresh.some((event) => event.kind === "crossing" || event.kind === "visit")) this.askGates();
  }

  private askGates(): void {
    if (this.gatesDue) return;
    this.gatesDue = window.setTimeout(() => {
      this.gatesDue = 0;
      void this.loadGates();
    }, 1000);
  }

  private askInfo(): void {
    if (this.infoDue) return;
    this.infoDue = window.setTimeout(() => {
      this.infoDue = 0;
      void this.loadInfo();
    }, INFO_MS);
  }

  private async loadGates(): Promise<void> {
    try {
      this.store.gates = await this.api.gates();
      this.store.tell("gates");
    } catch (error) {
      this.unauthorised(error);
    }
  }

  private async loadInfo(): Promise<void> {
    try {
      const { features } = await this.api.positions();
      let changed = false;
      for (const { id, properties } of features) {
        const asset = String(properties?.asset ?? id);
        this.asked.add(asset);
        const { vin = null, name = null, device = null, fleet = null } = properties ?? {};
        const before = this.store.info.get(asset);
        if (before && before.vin === vin && before.name === name && before.device === device && before.fleet === fleet) continue;
        this.store.info.set(asset, { asset, vin, name, device, fleet });
        changed = true;
      }
      for (const asset of this.store.motion.ids) this.asked.add(asset);
      if (changed) this.store.tell("info");
    } catch (error) {
      this.unauthorised(error);
    }
  }

  private unauthorised(error: unknown): void {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) this.refuse(error.message);
  }

  private refuse(reason: string): void {
    this.live.stop();
    if (this.ended) return;
    this.ended = true;
    this.store.status = { phase: "refused", reason };
    this.store.tell("status");
    this.refused(reason);
  }
}

function eventOf(kind: "crossing" | "visit", item: Crossing | Visit): CorridorEvent {
  const { id, asset, revision, change, t, recorded } = item as unknown as CorridorEvent;
  return { cursor: "", kind, id, asset: asset ?? "", revision, change, t, recorded, object: { ...item } };
}
