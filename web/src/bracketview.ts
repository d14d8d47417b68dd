/** On the map, what was picked in a panel: the way between the two fixes of a bracket, and the estimate as a diamond. */

import { Marker } from "maplibre-gl";
import type { Api } from "./api.ts";
import { h } from "./dom.ts";
import { instant } from "./format.ts";
import type { CorridorMap } from "./map.ts";
import type { Bracket } from "./types.ts";

export type Picked = { bracket: Bracket } | { from: number; to: number } | { lon: number; lat: number };

const POINTS = 1500;
const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

export class BracketView {
  private readonly diamond: Marker;
  private latest = 0;

  constructor(private readonly map: CorridorMap, private readonly api: Api, private readonly asset: string) {
    this.diamond = new Marker({ element: h("div", { class: "diamond", "aria-hidden": "true" }) });
  }

  async show(what: Picked, move = true): Promise<void> {
    const mine = ++this.latest;
    const spot = "bracket" in what ? what.bracket : "lon" in what ? what : null;
    if (spot?.lon !== undefined && spot.lat !== undefined) this.diamond.setLngLat([spot.lon, spot.lat]).addTo(this.map.map);
    else this.diamond.remove();
    const period = periodShown(what);
    const way = period ? await this.way(period) : [];
    if (mine !== this.latest) return;
    this.draw(way);
    const points = spot?.lon !== undefined && spot.lat !== undefined ? [...way, [spot.lon, spot.lat] as [number, number]] : way;
    if (move) this.map.fit(points, 15);
  }

  clear(): void {
    this.latest++;
    this.diamond.remove();
    this.draw([]);
  }

  private draw(way: [number, number][]): void {
    if (way.length < 2) return this.map.set("stretch", NOTHING);
    const line: GeoJSON.Feature = { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: way } };
    const ends: GeoJSON.Feature = { type: "Feature", properties: {}, geometry: { type: "MultiPoint", coordinates: [way[0]!, way[way.length - 1]!] } };
    this.map.set("stretch", { type: "FeatureCollection", features: [line, ends] });
  }

  /** The fixes of a period, both ends included; none when the server can't tell now. */
  private async way({ from, to }: { from: number; to: number }): Promise<[number, number][]> {
    const track = await this.api.track(this.asset, from, to + 1, POINTS).catch(() => null);
    return track ? track.lon.map((lon, i) => [lon, track.lat[i]!]) : [];
  }
}

function periodShown(what: Picked): { from: number; to: number } | null {
  if ("from" in what) return what;
  if (!("bracket" in what)) return null;
  const from = instant(what.bracket.earliest);
  const to = instant(what.bracket.latest);
  return from === null || to === null ? null : { from, to };
}
