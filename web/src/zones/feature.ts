/** A zone as it is sent: the feature that a form describes, its id, and places that findings name. Pure. */

import type { Finding, ZoneProperties } from "../types.ts";

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

/** The place of a finding in the zones that were checked, null when it names none. */
export function spotOf(features: readonly GeoJSON.Feature[], { feature, ring, position }: Finding): [lon: number, lat: number] | null {
  if (typeof feature !== "number" || typeof position !== "number") return null;
  const geometry = features[feature]?.geometry;
  const polygons = geometry?.type === "Polygon" ? [geometry.coordinates] : geometry?.type === "MultiPolygon" ? geometry.coordinates : [];
  const place = polygons.flat()[ring ?? 0]?.[position];
  return place ? [place[0]!, place[1]!] : null;
}
