/** Meridians and parallels as GeoJSON, at a step that suits the zoom. Pure. */

const STEPS: [zoom: number, degrees: number][] = [
  [9, 0.1],
  [7.5, 0.5],
  [5.5, 1],
  [4, 5],
  [0, 10],
];

/** Degrees between lines at `zoom`. */
export function stepAt(zoom: number): number {
  return STEPS.find(([from]) => zoom >= from)?.[1] ?? 10;
}

/** Lines every `step` degrees over the box [west, south, east, north], which is widened to whole steps. */
export function graticule(box: [number, number, number, number], step: number): GeoJSON.FeatureCollection {
  const west = Math.floor(box[0] / step) - 1;
  const east = Math.ceil(box[2] / step) + 1;
  const south = Math.max(Math.ceil(-85 / step), Math.floor(box[1] / step) - 1);
  const north = Math.min(Math.floor(85 / step), Math.ceil(box[3] / step) + 1);
  const features: GeoJSON.Feature[] = [];
  const line = (coordinates: GeoJSON.Position[]) =>
    features.push({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } });
  for (let x = west; x <= east; x++) line([[x * step, south * step], [x * step, north * step]]);
  for (let y = south; y <= north; y++) line([[west * step, y * step], [east * step, y * step]]);
  return { type: "FeatureCollection", features };
}
