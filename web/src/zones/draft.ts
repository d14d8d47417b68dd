/** A zone while it is drawn: its corners, what a hand does to them, and the polygon they make. Pure. */

import type { ZoneFeature } from "../types.ts";
import { circle, corridor, crossing, destination, distance, type Point } from "./geometry.ts";

export type Tool = "polygon" | "circle" | "route" | "edit";

/** A corner by its ring and its place in the ring. */
export interface Corner {
  ring: number;
  at: number;
  point: Point;
}

const LEAST: Record<Tool, number> = { polygon: 3, circle: 2, route: 2, edit: 3 };
const UNDO = 100;
const E7 = 1e7;

export class Draft {
  /** Open rings; of a circle its centre and a place on its rim, of a route its line. */
  rings: Point[][] = [[]];
  /** Whether all corners are set, so that they are only moved now. */
  finished = false;
  private before: string[] = [];
  /** How many rings each polygon has: the first is its outline, the others are holes. */
  private parts: number[] = [1];

  constructor(readonly tool: Tool, public width_m = 200) {}

  /** The corners of an existing zone, to be moved. */
  static of(zone: ZoneFeature): Draft {
    const draft = new Draft("edit");
    const polygons = zone.geometry.type === "Polygon" ? [zone.geometry.coordinates] : zone.geometry.coordinates;
    draft.parts = polygons.map((polygon) => polygon.length);
    draft.rings = polygons.flat().map((ring) => ring.slice(0, -1).map(([lon, lat]): Point => [lon!, lat!]));
    draft.finished = true;
    return draft;
  }

  /** Set the next corner; a second one at the same place is none. */
  add(point: Point): void {
    const ring = this.rings[0]!;
    const last = ring[ring.length - 1];
    if (this.finished || (last && distance(last, point) < 0.05)) return;
    this.keep();
    ring.push(round(point));
    if (this.tool === "circle" && ring.length === 2) this.finished = true;
  }

  /** All corners are set. False when there are too few of them. */
  finish(): boolean {
    if (this.rings[0]!.length < LEAST[this.tool]) return false;
    this.finished = true;
    return true;
  }

  /** `keep` false goes on with the move before, so that a whole drag is undone at once. */
  move(ring: number, at: number, point: Point, keep = true): void {
    if (keep) this.keep();
    const corners = this.rings[ring]!;
    const [lon, lat] = corners[at]!;
    corners[at] = round(point);
    if (this.tool === "circle" && at === 0 && corners[1]) corners[1] = round([corners[1][0] + point[0] - lon, corners[1][1] + point[1] - lat]);
  }

  /** A new corner before corner `at`. */
  insert(ring: number, at: number, point: Point): void {
    this.keep();
    this.rings[ring]!.splice(at, 0, round(point));
  }

  /** Take a corner away; false when the shape needs it. */
  remove(ring: number, at: number): boolean {
    const corners = this.rings[ring]!;
    if (this.tool === "circle" || (this.finished && corners.length <= LEAST[this.tool])) return false;
    this.keep();
    corners.splice(at, 1);
    return true;
  }

  get undoable(): boolean {
    return this.before.length > 0;
  }

  undo(): boolean {
    const last = this.before.pop();
    if (last === undefined) return false;
    const { rings, finished } = JSON.parse(last) as { rings: Point[][]; finished: boolean };
    this.rings = rings;
    this.finished = finished;
    return true;
  }

  get radius_m(): number {
    const [centre, rim] = this.rings[0]!;
    return this.tool === "circle" && centre && rim ? distance(centre, rim) : 0;
  }

  set radius_m(metres: number) {
    const [centre] = this.rings[0]!;
    if (!centre || !(metres > 0)) return;
    this.keep();
    this.rings[0]![1] = round(destination(centre, metres, 90));
    this.finished = true;
  }

  corners(): Corner[] {
    return this.rings.flatMap((points, ring) => points.map((point, at) => ({ ring, at, point })));
  }

  /** Places between neighbours where a corner can be put; `at` is where `insert` puts it. */
  middles(): Corner[] {
    if (this.tool === "circle" || !this.finished) return [];
    return this.rings.flatMap((points, ring) => {
      const last = this.tool === "route" ? points.length - 1 : points.length;
      return points.slice(0, last).map((point, i) => {
        const next = points[(i + 1) % points.length]!;
        return { ring, at: i + 1, point: [(point[0] + next[0]) / 2, (point[1] + next[1]) / 2] as Point };
      });
    });
  }

  /** The rings that the shape stands for now, open; empty while there are too few corners. */
  outline(): Point[][] {
    const first = this.rings[0]!;
    if (this.tool === "circle") return first.length === 2 ? [circle(first[0]!, this.radius_m)] : [];
    if (this.tool === "route") return first.length >= 2 ? [corridor(first, this.width_m)] : [];
    return first.length >= 3 ? this.rings : [];
  }

  /** What stands against the shape, in words; null when nothing does. */
  fault(): string | null {
    if (!this.finished) return "The shape is not finished.";
    const outline = this.outline();
    if (!outline.length) return "The shape has too few corners.";
    if (!outline.some((ring) => crossing(ring))) return null;
    return this.tool === "route" ? "The corridor folds over itself: make it narrower, or the bend wider." : "The outline crosses itself.";
  }

  geometry(): GeoJSON.Polygon | GeoJSON.MultiPolygon | null {
    const rings = this.outline().map((ring) => [...ring, ring[0]!].map(round));
    if (!rings.length) return null;
    const polygons: Point[][][] = [];
    let at = 0;
    for (const count of this.parts) polygons.push(rings.slice(at, (at += count)));
    return polygons.length === 1 ? { type: "Polygon", coordinates: polygons[0]! } : { type: "MultiPolygon", coordinates: polygons };
  }

  private keep(): void {
    this.before.push(JSON.stringify({ rings: this.rings, finished: this.finished }));
    if (this.before.length > UNDO) this.before.shift();
  }
}

/** To 1e-7 degree, the unit that positions have everywhere. */
function round([lon, lat]: Point): Point {
  return [Math.round(lon * E7) / E7, Math.round(lat * E7) / E7];
}
