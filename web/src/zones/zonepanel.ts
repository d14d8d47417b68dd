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
import { featuresFrom } from "./zonefile.ts";
import { timesWords, ZoneForm } from "./zoneform.ts";

const MOST_BYTES = 5_000_000;
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
    this.said.className = "good";
    this.said.hidden = !said;
    this.said.textContent = said;
    const file = h("input", { type: "file", accept: ".geojson,.json,application/geo+json", class: "unseen", onchange: () => void this.read(file.files?.[0]), "aria-label": "A GeoJSON file" });
    this.element.replaceChildren(
      this.said,
      h("div", { class: "section-head" }, h("h2", {}, "Draw a zone")),
      h("div", { class: "tools", role: "group", "aria-label": "Draw a zone" },
        ...TOOLS.map(([tool, name]) => h("button", { type: "button", class: "tool", onclick: () => this.edit(new Draft(tool), null) }, icon(tool), name))),
      h("label", { class: "drop" }, file, "or drop a GeoJSON file here, or ", h("span", { class: "link" }, "choose one")),
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
      taken: new Set(this.zones.map(({ properties }) => properties.id)),
      gates: this.store.gates,
      redraw: () => this.draw.refresh(),
      cancel: () => this.showList(),
    });
    const proposal = this.proposal(() => {
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

  private proposal(features: () => GeoJSON.Feature[] | string, retired: string | null): Proposal {
    const { api, store, map } = this;
    const done = (said: string) => {
      this.showList(said);
      this.changed();
    };
    return new Proposal({ api, store, map, done }, features, retired);
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

  private async read(file: File | undefined): Promise<void> {
    if (!file) return;
    this.showList();
    try {
      if (file.size > MOST_BYTES) throw new Error(`${file.name} is too large: got ${number(file.size)} bytes, want at most ${number(MOST_BYTES)}.`);
      await this.propose(file.name, featuresFrom(await file.text(), file.name, new Set()));
    } catch (error) {
      this.said.hidden = false;
      this.said.textContent = error instanceof Error ? error.message : String(error);
      this.said.className = "bad";
    }
  }

  /** The zones of a file, with the server's findings; nothing is published yet. */
  private async propose(file: string, features: GeoJSON.Feature[]): Promise<void> {
    const proposal = this.proposal(() => features, null);
    const title = h("h2", { tabindex: "-1" }, file);
    this.listing = false;
    this.element.replaceChildren(
      h("div", { class: "section-head" }, title, h("button", { type: "button", class: "link", onclick: () => this.showList() }, icon("back"), "All zones")),
      h("ul", { class: "zone-list" }, ...features.slice(0, SHOWN).map((feature) => this.proposed(feature))),
      proposal.element);
    const polygons = features.filter(({ geometry }) => geometry?.type === "Polygon" || geometry?.type === "MultiPolygon");
    this.map.set("draft", { type: "FeatureCollection", features: polygons });
    this.map.fit(polygons.flatMap(placesOf), 15);
    title.focus({ preventScroll: true });
    await proposal.check();
  }

  private proposed(feature: GeoJSON.Feature): HTMLElement {
    const { id, name, kind } = feature.properties as { id: string; name: string; kind: string };
    const known = this.zones.some(({ properties }) => properties.id === id);
    return h("li", {}, h("button", { type: "button", class: "zone", onclick: () => this.map.fit(placesOf(feature), 16) },
      h("span", { class: `zone-mark zone-${kind}`, "aria-hidden": "true" }), h("strong", {}, name), h("small", {}, `${kind} · ${known ? "replaces the one there" : "new"}`)));
  }
}

function placesOf({ geometry }: GeoJSON.Feature): Point[] {
  if (geometry?.type === "Polygon") return geometry.coordinates.flat() as Point[];
  return geometry?.type === "MultiPolygon" ? (geometry.coordinates.flat(2) as Point[]) : [];
}
