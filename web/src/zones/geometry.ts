/**
 * Shapes of zones on the ground: circles, corridors along a line, distances, rings that cross themselves. Pure;
 * places are [longitude, latitude] in degrees, lengths metres on a sphere. Rings are open: the first corner is
 * not repeated at the end.
 */

export type Point = [lon: number, lat: number];

const RADIUS_M = 6_371_008.8;
const DEG = Math.PI / 180;
const M_PER_DEG = RADIUS_M * DEG;
const ARC = Math.PI / 8;

/** Metres between two places. */
export function distance(a: Point, b: Point): number {
  const dLat = (b[1] - a[1]) * DEG;
  const dLon = (b[0] - a[0]) * DEG;
  const s = Math.sin(dLat / 2) ** 2 + Math.cos(a[1] * DEG) * Math.cos(b[1] * DEG) * Math.sin(dLon / 2) ** 2;
  return 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(s)));
}

/** The place `metres` from `from` in a direction (degrees clockwise from north). */
export function destination(from: Point, metres: number, bearing: number): Point {
  const d = metres / RADIUS_M;
  const lat = from[1] * DEG;
  const b = bearing * DEG;
  const sin = Math.sin(lat) * Math.cos(d) + Math.cos(lat) * Math.sin(d) * Math.cos(b);
  const lon = from[0] * DEG + Math.atan2(Math.sin(b) * Math.sin(d) * Math.cos(lat), Math.cos(d) - Math.sin(lat) * sin);
  return [lon / DEG, Math.asin(sin) / DEG];
}

/** A circle as a ring of `corners`, counterclockwise from north. */
export function circle(centre: Point, metres: number, corners = 64): Point[] {
  return Array.from({ length: corners }, (_, k) => destination(centre, metres, (-360 * k) / corners));
}

/**
 * The ground within `width`/2 metres of a line, as one counterclockwise ring with round ends and round outer
 * bends. Bends too sharp for the width fold the ring, which `crossing` finds. Fewer than two places: no ring.
 */
export function corridor(line: readonly Point[], width: number): Point[] {
  const way = line.filter((place, i) => i === 0 || distance(place, line[i - 1]!) > 0.01);
  if (way.length < 2) return [];
  const half = width / 2;
  const there = side(way, half);
  const back = side(way.slice().reverse(), half);
  return [...there, ...back];
}

/** The right side of a way, and half a round end around its last place. */
function side(way: readonly Point[], half: number): Point[] {
  const ring: Point[] = [];
  const angles = way.slice(1).map((place, i) => angleOf(way[i]!, place));
  for (let i = 0; i < way.length; i++) {
    const here = way[i]!;
    if (i === 0) {
      ring.push(beside(here, angles[0]! - Math.PI / 2, half));
    } else if (i === way.length - 1) {
      arc(ring, here, angles[i - 1]! - Math.PI / 2, Math.PI, half);
      ring.pop();
    } else {
      bend(ring, way, i, angles, half);
    }
  }
  return ring;
}

/** The right side's corner at a bend: an arc outside, the meeting of both sides inside. */
function bend(ring: Point[], way: readonly Point[], i: number, angles: readonly number[], half: number): void {
  const here = way[i]!;
  const [before, after] = [angles[i - 1]!, angles[i]!];
  const turn = wrapped(after - before);
  if (turn >= 0) return arc(ring, here, before - Math.PI / 2, turn, half);
  const reach = half * Math.tan(-turn / 2);
  const room = Math.min(distance(way[i - 1]!, here), distance(here, way[i + 1]!));
  if (reach <= room) ring.push(beside(here, before - Math.PI / 2 + turn / 2, half / Math.cos(turn / 2)));
  else ring.push(beside(here, before - Math.PI / 2, half), beside(here, after - Math.PI / 2, half));
}

function arc(ring: Point[], here: Point, from: number, turn: number, half: number): void {
  const steps = Math.max(1, Math.ceil(turn / ARC));
  for (let k = 0; k <= steps; k++) {
    if (turn > 1e-9 || k === 0) ring.push(beside(here, from + (turn * k) / steps, half));
  }
}

/** Direction on the ground, radians counterclockwise from east. */
function angleOf(a: Point, b: Point): number {
  return Math.atan2(b[1] - a[1], (b[0] - a[0]) * Math.cos(((a[1] + b[1]) / 2) * DEG));
}

function beside([lon, lat]: Point, angle: number, metres: number): Point {
  const dLat = (metres * Math.sin(angle)) / M_PER_DEG;
  return [lon + (metres * Math.cos(angle)) / (M_PER_DEG * Math.cos(lat * DEG)), lat + dLat];
}

const wrapped = (angle: number) => Math.atan2(Math.sin(angle), Math.cos(angle));

/** Square metres inside a ring, positive when it runs counterclockwise; exact enough for areas of a city. */
export function area(ring: readonly Point[]): number {
  const scale = Math.cos(((ring[0]?.[1] ?? 0) * Math.PI) / 180) * M_PER_DEG * M_PER_DEG;
  const [lon0, lat0] = ring[0] ?? [0, 0];
  let sum = 0;
  ring.forEach(([x, y], i) => {
    const [nx, ny] = ring[(i + 1) % ring.length]!;
    sum += (x - lon0) * (ny - lat0) - (nx - lon0) * (y - lat0);
  });
  return (sum / 2) * scale;
}

/** Where a ring crosses itself, null when it is simple. Compares all pairs of sides. */
export function crossing(ring: readonly Point[]): Point | null {
  const n = ring.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 2; j < n; j++) {
      if (i === 0 && j === n - 1) continue;
      const met = meeting(ring[i]!, ring[i + 1]!, ring[j]!, ring[(j + 1) % n]!);
      if (met) return met;
    }
  }
  return null;
}

function meeting(a: Point, b: Point, c: Point, d: Point): Point | null {
  const ab: Point = [b[0] - a[0], b[1] - a[1]];
  const cd: Point = [d[0] - c[0], d[1] - c[1]];
  const cross = ab[0] * cd[1] - ab[1] * cd[0];
  if (cross === 0) return null;
  const s = ((c[0] - a[0]) * cd[1] - (c[1] - a[1]) * cd[0]) / cross;
  const u = ((c[0] - a[0]) * ab[1] - (c[1] - a[1]) * ab[0]) / cross;
  return s >= 0 && s <= 1 && u >= 0 && u <= 1 ? [a[0] + ab[0] * s, a[1] + ab[1] * s] : null;
}
