/** The zones: a list, and in its place the zone that is drawn or edited, or the file that was dropped. */

import type { Api } from "../api.ts";
import { arrowKeys, h, icon } from "../dom.ts";
import { number } from "../format.ts";
import type { CorridorMap } from "../map.ts";
import type { Store } from "../store.ts";
import type { ZoneFeature } from "../types.ts";
import { Draft, type Tool } from "./draft.ts";
import { Draw } from "./draw.ts";
import type { Point } from "./geometry.ts";
import { Proposal } from "./proposal.ts";
import { ZoneImport } from "./zoneimport.ts";
import { timesWords, ZoneForm } from "./zoneform.ts";

const SHOWN = 200;
const TOOLS: readonly [tool: Tool, name: string][] = [["polygon", "Area"], ["circle", "Circle"], ["route", "Route"]];

export class ZonePanel {
  readonly element = h("section", { class: "section zones-section", "aria-label": "Zones" });
  private readonly said = h("p", { class: "good", role: "status", hidden: true });
  private readonly search = h("input", { type: "search", placeholder: "Find a zone", "aria-label": "Find a zone" });
  private readonly count = h("span", { class: "quiet" });
  private readonly list = h("ul", { class: "zone-list" });
  private readonly draw: Draw;
  private zones: ZoneFeature[] = [];
  private form: ZoneForm | null = null;
  private listing = true;

  /** `changed`: zones were published or retired; `open` shows this panel. */
  constructor(private readonly store: Store, private readonly api: Api, private readonly map: CorridorMap, private readonly changed: () => void, private readonly open: () => void) {
    this.draw = new Draw(map, store, () => this.form?.show(), (crowded) => this.form?.show(crowded));
    this.search.addEventListener("input", () => this.fill());
    arrowKeys(this.list, "button.zone");
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.listing) return;
      event.stopPropagation();
      this.showList();
    });
    this.dropping();
    this.showList();
  }

  set(zones: ZoneFeature[]): void {
    this.zones = zones.slice().sort((a, b) => a.properties.name.localeCompare(b.properties.name, "en", { numeric: true }));
    if (this.listing) this.fill();
  }

  private showList(said = ""): void {
    this.draw.stop();
    this.map.set("draft", { type: "FeatureCollection", features: [] });
    this.form = null;
    this.listing = true;
    this.said.hidden = !said;
    this.said.textContent = said;
    const file = h("input", { type: "file", accept: ".geojson,.json,.kml,.kmz,.wkt,.csv,.tsv", class: "unseen", onchange: () => void this.read(file.files?.[0]), "aria-label": "A file of zones" });
    this.element.replaceChildren(
      this.said,
      h("div", { class: "section-head" }, h("h2", {}, "Draw a zone")),
      h("div", { class: "tools", role: "group", "aria-label": "Draw a zone" },
        ...TOOLS.map(([tool, name]) => h("button", { type: "button", class: "tool", onclick: () => this.edit(new Draft(tool), null) }, icon(tool), name))),
      h("label", { class: "drop" }, file, "or drop a file here (GeoJSON, KML, WKT, CSV of circles), or ", h("span", { class: "link" }, "choose one")),
      h("div", { class: "section-head" }, h("h2", {}, "Zones"), this.count),
      h("div", { class: "zone-search" }, this.search),
      this.list);
    this.fill();
  }

  private fill(): void {
    const words = this.search.value.trim().toLowerCase();
    const found = this.zones.filter(({ properties: { name, id, kind } }) => `${name} ${id} ${kind}`.toLowerCase().includes(words));
    this.list.replaceChildren(...found.slice(0, SHOWN).map((zone) => this.row(zone)));
    if (!found.length) this.list.append(h("li", { class: "empty" }, words ? "No zone matches." : "No zone yet."));
    if (found.length > SHOWN) this.list.append(h("li", { class: "empty" }, `${number(found.length - SHOWN)} more: type to narrow down.`));
    this.count.textContent = number(this.zones.length);
  }

  private row(zone: ZoneFeature): HTMLElement {
    const { name, kind, plausible } = zone.properties;
    const note = [kind, timesWords(zone.properties), plausible ? "by plausibility" : ""].filter(Boolean).join(" · ");
    return h("li", {}, h("button", { type: "button", class: "zone", onclick: () => this.edit(Draft.of(zone), zone) },
      h("span", { class: `zone-mark zone-${kind}`, "aria-hidden": "true" }), h("strong", {}, name), h("small", {}, note)));
  }

  private edit(draft: Draft, zone: ZoneFeature | null): void {
    const known = zone?.properties ?? null;
    const form = new ZoneForm(draft, known, {
      taken: this.taken(),
      gates: this.store.gates,
      redraw: () => this.draw.refresh(),
      cancel: () => this.showList(),
    });
    const { api, store, map } = this;
    const proposal = new Proposal({ api, store, map, done: (said) => this.done(said) }, () => {
      const feature = form.feature();
      return typeof feature === "string" ? feature : [feature];
    }, known?.id ?? null);
    this.form = form;
    this.listing = false;
    this.element.replaceChildren(form.element, proposal.element);
    if (zone) this.map.fit(draft.corners().map(({ point }) => point), 16);
    this.draw.start(draft);
    form.focus();
  }

  /** A file anywhere on the page is taken while zones may be changed. */
  private dropping(): void {
    window.addEventListener("dragover", (event) => {
      if (!this.store.admin || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    for (const end of ["dragleave", "drop"] as const) window.addEventListener(end, () => document.body.classList.remove("dropping"));
    window.addEventListener("drop", (event) => {
      const file = event.dataTransfer?.files[0];
      if (!this.store.admin || !file) return;
      event.preventDefault();
      this.open();
      void this.read(file);
    });
  }

  /** What is in a file, as the server reads it; nothing is published yet. */
  private async read(file: File | undefined): Promise<void> {
    if (!file) return;
    this.showList();
    const { api, store, map } = this;
    const part = new ZoneImport(file, {
      api, store, map, taken: this.taken(), done: (said) => this.done(said), cancel: () => this.showList(),
      look: (zones) => this.map.fit(zones.flatMap(placesOf), 15),
    });
    this.listing = false;
    this.element.replaceChildren(part.element);
    await part.read();
  }

  private done(said: string): void {
    this.showList(said);
    this.changed();
  }

  private taken(): Set<string> {
    return new Set(this.zones.map(({ properties }) => properties.id));
  }
}

function placesOf({ geometry }: GeoJSON.Feature): Point[] {
  if (geometry?.type === "Polygon") return geometry.coordinates.flat() as Point[];
  return geometry?.type === "MultiPolygon" ? (geometry.coordinates.flat(2) as Point[]) : [];
}
