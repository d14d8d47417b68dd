/** Zones from a file that somebody drops, and the feature that a form describes. Pure. */

import type { ZoneProperties } from "../types.ts";

export const KINDS = ["custom", "yard", "route", "approach", "port"] as const;

/** What is sent of a zone's properties; the server makes the rest. */
const SENT = ["id", "kind", "name", "gate", "side", "country", "grace_s", "min_dwell_s", "plausible"] as const;

/** A feature with the properties that are sent, those that are known. */
export function featureOf(properties: ZoneProperties, geometry: GeoJSON.Geometry): GeoJSON.Feature {
  const held = properties as unknown as Record<string, unknown>;
  const sent = SENT.filter((name) => held[name] !== null && held[name] !== undefined && held[name] !== "" && held[name] !== false);
  return { type: "Feature", properties: Object.fromEntries(sent.map((name) => [name, held[name]])), geometry };
}

/** An id out of a name: lower case letters, digits and hyphens; `taken` ones get a number, names of no Latin letter `other`. */
export function idFrom(name: string, taken: ReadonlySet<string>, other: string): string {
  const plain = name.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || other;
  for (let n = 1; ; n++) {
    const id = n === 1 ? plain : `${plain}-${n}`;
    if (!taken.has(id)) return id;
  }
}

/**
 * The features of a GeoJSON text, with an id, kind and name where they have none. Throws an Error in words for
 * people when the text is something else.
 */
export function featuresFrom(text: string, file: string, taken: ReadonlySet<string>): GeoJSON.Feature[] {
  const found = features(parsed(text, file));
  if (!found.length) throw new Error(`${file} has no features.`);
  const used = new Set(taken);
  return found.map((feature, i) => {
    const properties = (feature.properties ?? {}) as Record<string, unknown>;
    const own = typeof properties.id === "string" && properties.id ? properties.id : typeof feature.id === "string" ? feature.id : "";
    const name = typeof properties.name === "string" && properties.name ? properties.name : own || `${file.replace(/\.[^.]*$/, "")} ${i + 1}`;
    const id = own || idFrom(name, used, `zone-${i + 1}`);
    used.add(id);
    const kind = typeof properties.kind === "string" ? properties.kind : "custom";
    return featureOf({ ...(properties as unknown as ZoneProperties), id, kind, name }, feature.geometry);
  });
}

function parsed(text: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (value && typeof value === "object") return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new Error(`${file} is not GeoJSON.`);
}

function features(value: Record<string, unknown>): GeoJSON.Feature[] {
  if (value.type === "FeatureCollection" && Array.isArray(value.features)) return value.features as GeoJSON.Feature[];
  if (value.type === "Feature") return [value as unknown as GeoJSON.Feature];
  if (value.type === "Polygon" || value.type === "MultiPolygon") return [{ type: "Feature", properties: {}, geometry: value as unknown as GeoJSON.Polygon }];
  throw new Error("The file is not GeoJSON with polygons: want a FeatureCollection, a Feature, a Polygon or a MultiPolygon.");
}
