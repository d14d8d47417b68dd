/** The list of trucks that a search finds, by name or VIN; at most a screenful is drawn at once. */

import { arrowKeys, h } from "./dom.ts";
import { country, number, STATE_NAMES } from "./format.ts";
import type { Store } from "./store.ts";

const SHOWN = 80;

/** Whether every word of `query` is found in the name, VIN, device, fleet or id. */
export function matches(query: string, ...fields: (string | null | undefined)[]): boolean {
  const text = fields.filter(Boolean).join(" ").toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export class TruckList {
  readonly element: HTMLElement;
  query = "";
  private readonly list = h("ul", { class: "trucklist" });
  private readonly note = h("p", { class: "quiet note" });
  private visible = false;
  private due = 0;
  private wanted: ((asset: string) => void) | null = null;

  constructor(private readonly store: Store) {
    this.element = h("section", { class: "section", "aria-label": "Trucks" }, this.note, this.list);
    arrowKeys(this.list, "button.truck");
    for (const topic of ["positions", "info", "filter"] as const) store.on(topic, () => this.soon());
    for (const topic of ["positions", "info"] as const) store.on(topic, () => this.choose());
    store.on("selection", () => this.render());
  }

  show(visible: boolean): void {
    this.visible = visible;
    if (visible) this.render();
  }

  search(query: string): void {
    this.query = query.trim();
    this.wanted = null;
    this.render();
  }

  /** Hand the first truck found to `take`: now, or as soon as one is known that the search fits. */
  pick(take: (asset: string) => void): void {
    this.wanted = take;
    this.choose();
  }

  private choose(): void {
    const first = this.wanted && this.found()[0];
    if (!this.wanted || !first) return;
    const take = this.wanted;
    this.wanted = null;
    take(first);
  }

  private soon(): void {
    if (!this.visible || this.due) return;
    this.due = window.setTimeout(() => {
      this.due = 0;
      this.render();
    }, 1000);
  }

  private found(): string[] {
    const { motion, info } = this.store;
    const rows: { asset: string; name: string }[] = [];
    for (let i = 0; i < motion.size; i++) {
      if (!this.store.shown(motion.state[i]!)) continue;
      const asset = motion.ids[i]!;
      const about = info.get(asset);
      const name = this.store.name(asset);
      if (!this.query || matches(this.query, name, about?.vin, about?.device, about?.fleet, asset)) rows.push({ asset, name });
    }
    rows.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
    return rows.map((row) => row.asset);
  }

  private render(): void {
    if (!this.visible) return;
    const focused = (document.activeElement as HTMLElement | null)?.dataset.asset;
    const found = this.found();
    const rest = found.length - SHOWN;
    this.note.textContent = found.length === 0 ? (this.query ? "No truck matches." : "No trucks yet.") : rest > 0 ? `${SHOWN} of ${number(found.length)} shown: type to narrow down.` : "";
    this.note.hidden = !this.note.textContent;
    this.list.replaceChildren(...found.slice(0, SHOWN).map((asset) => this.row(asset)));
    if (focused) this.list.querySelector<HTMLElement>(`[data-asset="${CSS.escape(focused)}"]`)?.focus();
  }

  private row(asset: string): HTMLElement {
    const { motion, selection, info } = this.store;
    const i = motion.index.get(asset)!;
    const state = motion.stateOf(i);
    const speed = state === "moving" ? `${number(motion.speed[i])} km/h` : STATE_NAMES[state]!;
    return h("li", {},
      h("button", { type: "button", class: "truck", "data-asset": asset, "aria-current": String(selection?.id === asset),
        onclick: () => this.store.select({ kind: "truck", id: asset }) },
        h("span", { class: `mark mark-${state}`, "aria-hidden": "true" }),
        h("span", { class: "truck-name" }, h("strong", {}, this.store.name(asset)), h("small", {}, info.get(asset)?.vin ?? "")),
        h("span", { class: "truck-now" }, h("span", {}, speed), h("small", {}, country(motion.country[i])))));
  }
}
