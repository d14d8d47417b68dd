/**
 * The page's traffic with the server: what is loaded at the start, what is asked for again, and how the live
 * connection's messages and a catch-up after a lost one come together without gaps or doubles.
 */

import { type Api, ApiError } from "./api.ts";
import { browserWorld, Live } from "./live.ts";
import type { Store } from "./store.ts";
import type { CorridorEvent } from "./types.ts";

const PAGE = 500;
const GATES_MS = 10_000;
const INFO_MS = 1500;

export class Session {
  readonly live: Live;
  private waitingEvents: CorridorEvent[] | null = null;
  private infoDue = 0;
  private asked = new Set<string>();
  private gatesDue = 0;

  constructor(private readonly api: Api, private readonly store: Store, refused: (reason: string) => void) {
    this.live = new Live(api.key, {
      status: (status) => {
        store.status = status;
        store.tell("status");
        if (status.phase === "refused") refused(status.reason);
      },
      welcome: (cursor) => void this.welcome(cursor),
      positions: (rows) => {
        const unknown = store.positions(rows, performance.now());
        if (unknown.some((asset) => !this.asked.has(asset))) this.askInfo();
      },
      event: (event) => this.take(event),
      alive: async () => {
        await api.whoami();
        return true;
      },
    }, browserWorld());
    window.addEventListener("online", () => this.live.retry());
    window.setInterval(() => void this.loadGates(), GATES_MS);
  }

  async start(): Promise<void> {
    this.live.start();
    await Promise.all([this.loadGates(), this.loadInfo()]);
  }

  async zones(): Promise<GeoJSON.FeatureCollection> {
    const zones = await this.api.zones();
    return { ...zones, features: zones.features.filter((zone) => zone.properties?.kind !== "country") };
  }

  /** Events told while catching up wait until the gap is filled, so their order stays the stream's. */
  private async welcome(cursor: string | null): Promise<void> {
    const { log } = this.store;
    if (log.cursor === null) {
      await this.recent(cursor);
      return;
    }
    this.waitingEvents = [];
    try {
      for (;;) {
        const page = await this.api.events(log.cursor, PAGE);
        this.arrived(page);
        if (page.length < PAGE) break;
      }
    } catch (error) {
      // the server no longer knows the cursor: what it kept is what can be shown
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) log.cursor = cursor;
    }
    const waited = this.waitingEvents ?? [];
    this.waitingEvents = null;
    this.arrived(waited);
    void this.loadInfo();
  }

  /** At the start: the latest crossings and visits stand in for events that came before this page. */
  private async recent(cursor: string | null): Promise<void> {
    this.store.log.cursor = cursor;
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
      for (const { id, properties } of features) {
        const asset = String(properties?.asset ?? id);
        this.asked.add(asset);
        this.store.info.set(asset, {
          asset,
          vin: properties?.vin ?? null,
          name: properties?.name ?? null,
          device: properties?.device ?? null,
          fleet: properties?.fleet ?? null,
        });
      }
      for (const asset of this.store.motion.ids) this.asked.add(asset);
      this.store.tell("info");
    } catch (error) {
      this.unauthorised(error);
    }
  }

  private unauthorised(error: unknown): void {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
      this.live.stop();
      this.store.status = { phase: "refused", reason: error.message };
      this.store.tell("status");
    }
  }
}
