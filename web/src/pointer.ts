/** What a pointer over the map reads and chooses: trucks, and fixes with doubts. */

import { number, STATE_NAMES } from "./format.ts";
import type { CorridorMap } from "./map.ts";
import type { Store } from "./store.ts";
import type { TruckLayer } from "./trucklayer.ts";

export function pointer(map: CorridorMap, layer: TruckLayer, store: Store, tip: HTMLElement): void {
  const canvas = map.map.getCanvas();
  map.map.on("mousemove", ({ point }) => {
    if (store.drawing) return void (tip.hidden = true);
    const asset = layer.at(point.x, point.y);
    const said = asset ? truckWords(store, asset) : flaggedAt(map, point.x, point.y);
    layer.hover(asset);
    canvas.style.cursor = asset ? "pointer" : "";
    tip.hidden = !said;
    if (!said) return;
    tip.textContent = said;
    const box = map.map.getContainer().getBoundingClientRect();
    tip.style.transform = `translate(${Math.round(box.left + point.x + 14)}px, ${Math.round(box.top + point.y + 14)}px)`;
  });
  map.map.on("mouseout", () => {
    layer.hover(null);
    tip.hidden = true;
  });
  map.map.on("click", ({ point }) => {
    const asset = store.drawing ? null : layer.at(point.x, point.y);
    if (asset) store.select({ kind: "truck", id: asset });
  });
}

function truckWords(store: Store, asset: string): string {
  const i = store.motion.index.get(asset)!;
  return `${store.name(asset)} · ${STATE_NAMES[store.motion.stateOf(i)]} · ${number(store.motion.speed[i])} km/h`;
}

const REACH_PX = 4;

function flaggedAt(map: CorridorMap, x: number, y: number): string | null {
  if (!map.holds("flagged")) return null;
  const box: [[number, number], [number, number]] = [[x - REACH_PX, y - REACH_PX], [x + REACH_PX, y + REACH_PX]];
  const [found] = map.map.queryRenderedFeatures(box, { layers: ["flagged"] });
  return typeof found?.properties.text === "string" ? found.properties.text : null;
}
