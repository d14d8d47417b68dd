/** The map itself: MapLibre with the shipped base, zones, gates and track; the camera's moves; the theme. */

import { AttributionControl, Map as MapLibre, ScaleControl, setWorkerUrl, type GeoJSONSource, type LngLatBoundsLike } from "maplibre-gl";
import { graticule, stepAt } from "./graticule.ts";
import { layers, mapStyle, type SourceId } from "./mapstyle.ts";
import { PALETTES, type Palette, type Scheme } from "./palette.ts";

const COUNTRY_LABELS: [name: string, lon: number, lat: number][] = [
  ["China", 104.2, 30.5],
  ["China", 101.45, 22.6],
  ["Laos", 102.6, 19.35],
  ["Laos", 101.35, 20.75],
  ["Vietnam", 104.6, 21.2],
  ["Thailand", 100.6, 17.6],
  ["Myanmar", 97.6, 21.2],
  ["Mongolia", 103.5, 46.8],
  ["Russia", 105, 57],
  ["Kazakhstan", 67.5, 48.2],
  ["Kyrgyzstan", 74.7, 41.4],
  ["Cambodia", 105, 12.7],
];

const ATTRIBUTION =
  '<a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noreferrer">© OpenStreetMap (ODbL)</a> · ' +
  '<a href="https://www.naturalearthdata.com" target="_blank" rel="noreferrer">Natural Earth</a> · ' +
  '<a href="https://www.geonames.org" target="_blank" rel="noreferrer">GeoNames</a> · ' +
  '<a href="licences.txt" target="_blank">Licences</a>';

export class CorridorMap {
  readonly map: MapLibre;
  palette: Palette;
  readonly ready: Promise<void>;
  private step = 0;
  private readonly filled = new Set<SourceId>();

  constructor(container: HTMLElement, scheme: Scheme, trouble: (text: string) => void, private readonly covered = true) {
    this.palette = PALETTES[scheme];
    setWorkerUrl(new URL("maplibre-gl-worker.mjs", import.meta.url).href);
    this.map = new MapLibre({
      container,
      style: mapStyle(this.palette, absolute("basemap.geojson"), absolute("places.geojson"), countryLabels()),
      center: [101.68, 21.19],
      zoom: 7,
      maxZoom: 17,
      minZoom: 2.2,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      renderWorldCopies: false,
      fadeDuration: 150,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new AttributionControl({ compact: true, customAttribution: ATTRIBUTION }), "bottom-left");
    this.map.addControl(new ScaleControl({ maxWidth: 90 }), "bottom-left");
    this.map.on("error", (event) => {
      const { sourceId } = event as unknown as { sourceId?: string };
      if (sourceId === "basemap" || sourceId === "places") trouble("The base map could not be loaded.");
      else console.warn(event.error);
    });
    this.map.on("moveend", () => this.drawGraticule());
    this.ready = new Promise((done) => this.map.once("load", () => done()));
    void this.ready.then(() => this.drawGraticule());
  }

  /** Whether the source has anything to show. */
  holds(id: SourceId): boolean {
    return this.filled.has(id);
  }

  set(id: SourceId, data: GeoJSON.GeoJSON): void {
    if (data.type === "FeatureCollection" && data.features.length === 0) this.filled.delete(id);
    else this.filled.add(id);
    void this.ready.then(() => this.map.getSource<GeoJSONSource>(id)?.setData(data));
  }

  recolour(scheme: Scheme): void {
    this.palette = PALETTES[scheme];
    void this.ready.then(() => {
      for (const layer of layers(this.palette)) {
        for (const [name, value] of Object.entries(layer.paint ?? {})) {
          this.map.setPaintProperty(layer.id, name as never, value as never);
        }
      }
    });
  }

  /** Show the box of these points, never closer than `maxZoom`. */
  fit(points: readonly [lon: number, lat: number][], maxZoom = 13, animate = true): void {
    if (points.length === 0) return;
    let [west, south] = points[0]!;
    let [east, north] = points[0]!;
    for (const [lon, lat] of points) {
      west = Math.min(west, lon);
      east = Math.max(east, lon);
      south = Math.min(south, lat);
      north = Math.max(north, lat);
    }
    const bounds: LngLatBoundsLike = [west, south, east, north];
    this.map.fitBounds(bounds, { padding: this.room(), maxZoom, animate, duration: 900 });
  }

  /** Glide to a place so that it lies in the middle of what no panel covers. */
  go(lon: number, lat: number, zoom: number): void {
    this.fit([[lon, lat]], zoom);
  }

  /** The parts of the map that panels cover (those of the page's own map), as padding. */
  private room() {
    const map = this.map.getContainer().getBoundingClientRect();
    const margin = Math.min(56, map.width / 8);
    const room = { top: margin + 16, bottom: margin, left: margin, right: margin };
    if (!this.covered) return room;
    const detail = document.querySelector<HTMLElement>("#detail:not([hidden])")?.getBoundingClientRect();
    if (detail && detail.width < map.width * 0.6) room.right += map.right - detail.left;
    const sheet = document.querySelector<HTMLElement>("#sidebar")?.getBoundingClientRect();
    if (sheet && sheet.width > map.width * 0.9) room.bottom += Math.max(0, map.bottom - sheet.top);
    room.bottom = Math.min(room.bottom, map.height * 0.6);
    return room;
  }

  private drawGraticule(): void {
    const step = stepAt(this.map.getZoom());
    const bounds = this.map.getBounds();
    const wide = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    const box = wide.map((edge, i) => edge + (i < 2 ? -step * 3 : step * 3)) as [number, number, number, number];
    this.step = step;
    this.set("graticule", graticule(box, this.step));
  }
}

const absolute = (name: string) => new URL(name, document.baseURI).href;

function countryLabels(): GeoJSON.FeatureCollection {
  return {
    type: "FeatureCollection",
    features: COUNTRY_LABELS.map(([name, lon, lat]) => ({
      type: "Feature",
      properties: { name },
      geometry: { type: "Point", coordinates: [lon, lat] },
    })),
  };
}
