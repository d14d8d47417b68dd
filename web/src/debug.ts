/** `window.corridor`: what tests and curious people may read, and a way to feed made-up trucks by the real path. */

import { STATES } from "./motion.ts";
import type { CorridorMap } from "./map.ts";
import type { Store } from "./store.ts";
import type { TruckLayer } from "./trucklayer.ts";
import type { PositionRow } from "./types.ts";

interface Handle {
  trucks(): { asset: string; name: string; lon: number; lat: number; state: string; t: number }[];
  events(): { id: string; revision: number; kind: string; cursor: string }[];
  counts(): Record<string, number>;
  status(): string;
  frames(): { costs: number[]; gaps: number[] };
  settled(): Promise<void>;
  view(lon: number, lat: number, zoom: number): void;
  /** Where a place is on the page. */
  pixel(lon: number, lat: number): [x: number, y: number];
  feed(count: number, hz: number, seconds: number): Promise<void>;
  select(kind: "truck" | "gate", id: string): void;
}

declare global {
  interface Window {
    corridor?: Handle;
  }
}

export function expose(store: Store, map: CorridorMap, layer: TruckLayer): void {
  const { motion, log } = store;
  window.corridor = {
    trucks: () =>
      motion.ids.map((asset, i) => ({
        asset, name: store.name(asset), lon: motion.lon[i]!, lat: motion.lat[i]!, state: motion.stateOf(i), t: motion.t[i]!,
      })),
    events: () => log.items.map(({ id, revision, kind, cursor }) => ({ id, revision, kind, cursor })),
    counts: () => Object.fromEntries(motion.counts().map((n, i) => [STATES[i]!, n])),
    status: () => store.status.phase,
    frames: () => ({ costs: layer.costs.splice(0), gaps: layer.gaps.splice(0) }),
    settled: async () => {
      await map.ready;
      map.map.triggerRepaint();
      await new Promise((done) => map.map.once("idle", done));
    },
    view: (lon, lat, zoom) => map.map.jumpTo({ center: [lon, lat], zoom }),
    pixel: (lon, lat) => {
      const { x, y } = map.map.project([lon, lat]);
      const { left, top } = map.map.getContainer().getBoundingClientRect();
      return [left + x, top + y];
    },
    feed: (count, hz, seconds) => feed(store, map, count, hz, seconds),
    select: (kind, id) => store.select({ kind, id }),
  };
}

/** `count` trucks circling in view, updated `hz` times a second, by the same code as live messages. */
async function feed(store: Store, map: CorridorMap, count: number, hz: number, seconds: number): Promise<void> {
  const bounds = map.map.getBounds();
  const wide = bounds.getEast() - bounds.getWest();
  const high = bounds.getNorth() - bounds.getSouth();
  const place = (i: number, step: number): [number, number] => {
    const angle = i * 2.399963 + step * 0.05;
    const far = Math.sqrt((i + 0.5) / count) * 0.48;
    return [bounds.getCenter().lng + Math.cos(angle) * far * wide, bounds.getCenter().lat + Math.sin(angle) * far * high];
  };
  for (let step = 0; step < seconds * hz; step++) {
    const rows: PositionRow[] = [];
    for (let i = 0; i < count; i++) {
      rows.push([`made_up_${i}`, ...place(i, step), 60, null, Date.now(), STATES[i % 7 < 4 ? 0 : (i % 7) - 3]!, "CN"]);
    }
    store.positions(rows, performance.now());
    await new Promise((done) => window.setTimeout(done, 1000 / hz));
  }
}
