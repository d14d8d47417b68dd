/** The gates on the map: a button with the name and how many wait, there for pointer and keyboard alike. */

import { Marker } from "maplibre-gl";
import { h, icon } from "./dom.ts";
import { waiting } from "./gatelist.ts";
import type { CorridorMap } from "./map.ts";
import type { Store } from "./store.ts";
import type { Gate } from "./types.ts";

interface Entry {
  marker: Marker;
  button: HTMLButtonElement;
  count: HTMLElement;
}

export class GateMarkers {
  private readonly buttons = new Map<string, Entry>();

  constructor(private readonly map: CorridorMap, private readonly store: Store) {
    store.on("gates", () => this.show());
    store.on("selection", () => this.show());
    map.map.on("zoom", () => this.scale());
    this.show();
    this.scale();
  }

  private show(): void {
    for (const gate of this.store.gates) {
      const known = this.buttons.get(gate.id) ?? this.add(gate);
      const n = waiting(gate);
      known.count.textContent = n ? String(n) : "";
      known.button.setAttribute("aria-label", `${gate.name} gate, ${n} waiting`);
      const { selection } = this.store;
      known.button.classList.toggle("selected", selection?.kind === "gate" && selection.id === gate.id);
      known.button.classList.toggle("busy", n > 0);
    }
    const lines: GeoJSON.Feature[] = this.store.gates.flatMap((gate) =>
      gate.line ? [{ type: "Feature", properties: { id: gate.id }, geometry: gate.line }] : [],
    );
    this.map.set("gate-lines", { type: "FeatureCollection", features: lines });
  }

  private add(gate: Gate): Entry {
    const count = h("b", {});
    const button = h("button", { type: "button", class: "gate-marker", onclick: (event: MouseEvent) => {
      event.stopPropagation();
      this.store.select({ kind: "gate", id: gate.id });
    } }, icon("gate"), h("span", {}, gate.name), count);
    const marker = new Marker({ element: button, anchor: "bottom", offset: this.offset() }).setLngLat([gate.lon, gate.lat]);
    const entry = { marker: marker.addTo(this.map.map), button, count };
    this.buttons.set(gate.id, entry);
    return entry;
  }

  /** High enough to leave the ports free when they are large on the screen. */
  private offset(): [number, number] {
    return [0, -Math.round(Math.min(150, 14 + Math.max(0, 2 ** (this.map.map.getZoom() - 8.4))))];
  }

  private scale(): void {
    for (const { marker } of this.buttons.values()) marker.setOffset(this.offset());
    this.map.map.getContainer().classList.toggle("far", this.map.map.getZoom() < 4.6);
  }
}
