/** The place where the chosen truck or gate is shown; Escape or the cross closes it and gives the focus back. */

import type { Api } from "./api.ts";
import { iconButton } from "./dom.ts";
import { GatePanel } from "./gatepanel.ts";
import type { CorridorMap } from "./map.ts";
import type { Store } from "./store.ts";
import { TruckPanel } from "./truckpanel.ts";

export class Detail {
  private panel: TruckPanel | GatePanel | null = null;
  private before: HTMLElement | null = null;

  constructor(private readonly root: HTMLElement, private readonly store: Store, private readonly api: Api, private readonly map: CorridorMap) {
    store.on("selection", () => this.show());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.panel) this.store.select(null);
    });
  }

  private show(): void {
    const { selection } = this.store;
    this.panel?.close();
    if (!this.panel) this.before = document.activeElement as HTMLElement | null;
    this.panel = null;
    this.root.replaceChildren();
    this.root.hidden = !selection;
    if (!selection) {
      this.before?.focus({ preventScroll: true });
      return;
    }
    this.panel = selection.kind === "truck" ? new TruckPanel(this.store, this.api, this.map, selection.id) : new GatePanel(this.store, this.api, selection.id);
    this.root.append(iconButton("close", "Close details (Escape)", () => this.store.select(null), "detail-close"), this.panel.element);
    this.root.scrollTop = 0;
    this.panel.focus();
    this.move();
  }

  private move(): void {
    const { selection, motion, gates } = this.store;
    if (selection?.kind === "gate") {
      const gate = gates.find(({ id }) => id === selection.id);
      if (gate) this.map.go(gate.lon, gate.lat, 13);
      return;
    }
    const i = selection ? motion.index.get(selection.id) : undefined;
    if (i !== undefined) this.map.go(motion.toLon[i]!, motion.toLat[i]!, Math.max(10, this.map.map.getZoom()));
  }
}
