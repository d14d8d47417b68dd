/** The map of a case's evidence: where each stage of its crossing was, its bounds, and the way between them. */

import { Marker } from "maplibre-gl";
import { BracketView } from "../bracketview.ts";
import { STAGE_NAMES } from "../crossingview.ts";
import { h } from "../dom.ts";
import { CorridorMap } from "../map.ts";
import type { Theme } from "../theme.ts";
import { timelineView, type Picks } from "../timelineview.ts";
import { STAGES, type Crossing } from "../types.ts";
import type { Api } from "../api.ts";
import type { PortTime } from "./porttime.ts";

/** One map for all cases of the page's life: a map is dear, and so is what it has loaded. */
export class EvidenceMap {
  readonly element = h("div", { class: "evidence-map", "aria-label": "Map of the evidence" });
  private map: CorridorMap | null = null;
  private markers: Marker[] = [];
  private view: BracketView | null = null;
  private picked: string | null = null;

  constructor(private readonly theme: Theme, private readonly api: Api, private readonly zones: () => Promise<GeoJSON.FeatureCollection>) {}

  /** Show a crossing of `asset`; gives the timeline beside the map. */
  show(crossing: Crossing, asset: string, time: PortTime): HTMLElement | null {
    const map = this.ready();
    map.map.resize();
    this.clear();
    const view = (this.view = new BracketView(map, this.api, asset));
    const names = STAGES.filter((name) => crossing.stages[name]);
    const points: [number, number][] = [];
    names.forEach((name, i) => {
      const bracket = crossing.stages[name]!;
      if (bracket.lon === undefined || bracket.lat === undefined) return;
      points.push([bracket.lon, bracket.lat]);
      const mark = h("button", { type: "button", class: "evidence-mark", title: STAGE_NAMES[name], "aria-label": `${STAGE_NAMES[name]}, number ${i + 1}`,
        onclick: () => picks.press(`${crossing.id}/${name}`, { bracket }) }, String(i + 1));
      this.markers.push(new Marker({ element: mark }).setLngLat([bracket.lon, bracket.lat]).addTo(map.map));
    });
    map.fit(points, 14, false);
    let list: HTMLElement | null = null;
    const picks: Picks = {
      press: (key, what) => {
        this.picked = this.picked === key ? null : key;
        if (this.picked) void view.show(what);
        else view.clear();
        for (const button of list?.querySelectorAll<HTMLElement>("[data-pick]") ?? []) button.setAttribute("aria-pressed", String(button.dataset.pick === this.picked));
      },
      pressed: (key) => key === this.picked,
    };
    list = timelineView(names.map((name, i) => ({
      key: `${crossing.id}/${name}`, name: `${i + 1}. ${STAGE_NAMES[name]}`, bracket: crossing.stages[name], absent: "", note: "", mark: name === "line" ? "line-border" : "",
    })), picks, time.zone);
    return list;
  }

  clear(): void {
    this.picked = null;
    this.view?.clear();
    for (const marker of this.markers) marker.remove();
    this.markers = [];
  }

  private ready(): CorridorMap {
    if (this.map) return this.map;
    const map = (this.map = new CorridorMap(this.element, this.theme.scheme, () => undefined, false));
    this.theme.on((scheme) => map.recolour(scheme));
    void this.zones().then((zones) => map.set("zones", zones), () => undefined);
    return map;
  }
}
