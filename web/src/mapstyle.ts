/**
 * The map's style: a quiet base out of shipped data, zones and gates from the API, the chosen truck's track.
 * No glyphs and no sprite are named, so the browser draws labels with its own fonts and nothing is fetched.
 */

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import type { Palette } from "./palette.ts";

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
const FONT = ["Inter Variable"];

export const SOURCES = ["graticule", "zones", "gate-lines", "track", "stretch", "flagged", "track-head", "draft"] as const;
export type SourceId = (typeof SOURCES)[number];

/** Without what stands in brackets. */
const PLACE_NAME: ExpressionSpecification = [
  "let", "bracket", ["index-of", " (", ["get", "name"]],
  ["case", [">=", ["var", "bracket"], 0], ["slice", ["get", "name"], 0, ["var", "bracket"]], ["get", "name"]],
];
const isPolygon: ExpressionSpecification = ["match", ["geometry-type"], ["Polygon", "MultiPolygon"], true, false];

/** Three quiet tints, so that neighbours at a gate differ. */
function tint(p: Palette): ExpressionSpecification {
  const second = ["LA", "RU", "KZ", "JP", "BD"];
  const third = ["VN", "MM", "MN", "KG", "KP", "MY", "IN", "PK", "UZ"];
  return ["match", ["get", "country"], second, p.landSecond, third, p.landThird, p.land];
}

function baseLayers(p: Palette): LayerSpecification[] {
  return [
    { id: "sea", type: "background", paint: { "background-color": p.sea } },
    {
      // covers the gaps that sources leave between neighbours, up to about a kilometre, so none looks like water
      id: "land-under",
      type: "line",
      source: "basemap",
      minzoom: 8,
      filter: isPolygon,
      paint: { "line-color": p.land, "line-width": ["interpolate", ["exponential", 2], ["zoom"], 8, 2.5, 14, 160] },
    },
    { id: "land", type: "fill", source: "basemap", filter: isPolygon, paint: { "fill-color": tint(p), "fill-antialias": false } },
    { id: "graticule", type: "line", source: "graticule", paint: { "line-color": p.graticule, "line-width": 1 } },
    {
      id: "borders-soft",
      type: "line",
      source: "basemap",
      filter: isPolygon,
      layout: { "line-join": "round" },
      paint: { "line-color": p.border, "line-opacity": 0.14, "line-width": ["interpolate", ["linear"], ["zoom"], 4, 4, 9, 8, 13, 10] },
    },
    {
      id: "borders",
      type: "line",
      source: "basemap",
            layout: { "line-join": "round" },
      paint: { "line-color": p.border, "line-width": ["interpolate", ["linear"], ["zoom"], 4, 0.7, 12, 1.4] },
    },
  ];
}

function zoneLayers(p: Palette): LayerSpecification[] {
  const colour = ["match", ["get", "kind"], "port", p.port, ["custom", "yard", "route"], p.track, p.approach] as unknown as ExpressionSpecification;
  return [
    {
      id: "zones-fill",
      type: "fill",
      source: "zones",
      paint: { "fill-color": colour, "fill-opacity": ["match", ["get", "kind"], "port", 0.2, 0.06] },
    },
    {
      id: "zones-port",
      type: "line",
      source: "zones",
      filter: ["==", ["get", "kind"], "port"],
      paint: { "line-color": p.port, "line-width": 1.6 },
    },
    {
      id: "zones-other",
      type: "line",
      source: "zones",
      filter: ["!=", ["get", "kind"], "port"],
      paint: { "line-color": colour, "line-width": 1.2, "line-dasharray": [3, 2.5], "line-opacity": 0.75 },
    },
    {
      id: "gate-lines",
      type: "line",
      source: "gate-lines",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": p.line, "line-width": ["interpolate", ["linear"], ["zoom"], 6, 1.4, 13, 3], "line-opacity": 0.9 },
    },
  ];
}

function trackLayers(p: Palette): LayerSpecification[] {
  const layout = { "line-cap": "round", "line-join": "round" } as const;
  return [
    { id: "track-casing", type: "line", source: "track", layout, paint: { "line-color": p.trackCasing, "line-width": 6, "line-opacity": 0.85 } },
    { id: "track", type: "line", source: "track", layout, paint: { "line-color": p.track, "line-width": 3 } },
    {
      id: "stretch",
      type: "line",
      source: "stretch",
      filter: ["==", ["geometry-type"], "LineString"],
      layout,
      paint: { "line-color": p.picked, "line-width": 7, "line-opacity": 0.75 },
    },
    {
      id: "stretch-ends",
      type: "circle",
      source: "stretch",
      filter: ["==", ["geometry-type"], "Point"],
      paint: { "circle-radius": 4.5, "circle-color": p.trackCasing, "circle-stroke-color": p.picked, "circle-stroke-width": 2.5 },
    },
    {
      id: "flagged",
      type: "circle",
      source: "flagged",
      paint: {
        "circle-radius": 4.5,
        "circle-opacity": 0,
        "circle-stroke-color": ["case", ["get", "used"], p.approach, p.line],
        "circle-stroke-width": 1.8,
      },
    },
    {
      id: "track-head",
      type: "circle",
      source: "track-head",
      paint: { "circle-radius": 7, "circle-color": p.trackCasing, "circle-stroke-color": p.track, "circle-stroke-width": 3.5 },
    },
  ];
}

/** The zone that is being drawn, above everything else. */
function draftLayers(p: Palette): LayerSpecification[] {
  const layout = { "line-cap": "round", "line-join": "round" } as const;
  return [
    { id: "draft-fill", type: "fill", source: "draft", filter: isPolygon, paint: { "fill-color": p.picked, "fill-opacity": 0.16 } },
    { id: "draft-line", type: "line", source: "draft", filter: ["!", ["has", "rubber"]], layout, paint: { "line-color": p.picked, "line-width": 2.4 } },
    { id: "draft-rubber", type: "line", source: "draft", filter: ["has", "rubber"], paint: { "line-color": p.picked, "line-width": 1.6, "line-dasharray": [2, 2] } },
  ];
}

function labelLayers(p: Palette): LayerSpecification[] {
  const halo = { "text-halo-color": p.labelHalo, "text-halo-width": 1.4 };
  return [
    {
      id: "zone-labels",
      type: "symbol",
      source: "zones",
      minzoom: 11,
      filter: ["==", ["get", "kind"], "port"],
      layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 11.5, "text-max-width": 9 },
      paint: { ...halo, "text-color": p.port },
    },
    {
      id: "place-dots",
      type: "circle",
      source: "places",
      minzoom: 5,
      paint: { "circle-radius": 2.2, "circle-color": p.label, "circle-stroke-color": p.labelHalo, "circle-stroke-width": 1.5 },
    },
    {
      id: "places",
      type: "symbol",
      source: "places",
      minzoom: 5,
      layout: {
        "text-field": PLACE_NAME,
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 5, 11, 10, 13.5],
        "text-anchor": "left",
        "text-offset": [0.6, 0],
      },
      paint: { ...halo, "text-color": p.label },
    },
    {
      id: "countries",
      type: "symbol",
      source: "country-labels",
      maxzoom: 11,
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 3, 11, 7, 17],
        "text-letter-spacing": 0.22,
        "text-transform": "uppercase",
      },
      paint: { ...halo, "text-color": p.countryLabel },
    },
  ];
}

export function layers(p: Palette): LayerSpecification[] {
  return [...baseLayers(p), ...zoneLayers(p), ...trackLayers(p), ...labelLayers(p), ...draftLayers(p)];
}

export function mapStyle(p: Palette, basemap: string, places: string, countries: GeoJSON.FeatureCollection): StyleSpecification {
  const sources: StyleSpecification["sources"] = {
    basemap: { type: "geojson", data: basemap, tolerance: 0.2 },
    places: { type: "geojson", data: places },
    "country-labels": { type: "geojson", data: countries },
  };
  for (const id of SOURCES) sources[id] = { type: "geojson", data: EMPTY };
  return { version: 8, sources, layers: layers(p) };
}
