import assert from "node:assert/strict";
import { test } from "node:test";
import type { ZoneFeature } from "../src/types.ts";
import { Draft } from "../src/zones/draft.ts";
import { area, circle, corridor, crossing, destination, distance, type Point } from "../src/zones/geometry.ts";
import { featureOf, idFrom, spotOf } from "../src/zones/feature.ts";
import { trialRow } from "../src/zones/trial.ts";

const MOHAN: Point = [101.6877, 21.1908];
const near = (got: number, want: number, part: number) => assert.ok(Math.abs(got - want) <= Math.abs(want) * part, `got ${got}, want ${want}`);

/** Metres from a place to the nearest place of a line, sampled. */
function away(place: Point, line: Point[]): number {
  let least = Infinity;
  for (let i = 0; i + 1 < line.length; i++) {
    for (let k = 0; k <= 400; k++) {
      const [a, b] = [line[i]!, line[i + 1]!];
      least = Math.min(least, distance(place, [a[0] + ((b[0] - a[0]) * k) / 400, a[1] + ((b[1] - a[1]) * k) / 400]));
    }
  }
  return least;
}

test("a degree of latitude has its length, and a destination lies as far as was asked", () => {
  near(distance([100, 20], [100, 21]), 111_195, 1e-4);
  for (const bearing of [0, 37, 90, 181, 300]) near(distance(MOHAN, destination(MOHAN, 1234, bearing)), 1234, 1e-6);
});

test("a circle has 64 corners on its radius, runs counterclockwise and holds its area, at any latitude", () => {
  for (const lat of [0, 21, 50, 69]) {
    const ring = circle([100, lat], 500);
    assert.equal(ring.length, 64);
    for (const corner of ring) near(distance([100, lat], corner), 500, 1e-6);
    near(area(ring), Math.PI * 500 * 500, 0.005);
    assert.equal(crossing(ring), null);
  }
});

const bent: Point[] = [MOHAN, destination(MOHAN, 2000, 200), destination(destination(MOHAN, 2000, 200), 1500, 260), destination(destination(MOHAN, 3500, 220), 900, 150)];

test("a corridor is as wide as asked along its whole length, on both sides of bends", () => {
  const ring = corridor(bent, 300);
  assert.ok(area(ring) > 0);
  assert.equal(crossing(ring), null);
  for (const corner of ring) near(away(corner, bent), 150, 0.02);
  const length = bent.slice(1).reduce((sum, place, i) => sum + distance(bent[i]!, place), 0);
  near(area(ring), length * 300 + Math.PI * 150 * 150, 0.02);
});

test("a corridor's other direction covers the same ground", () => {
  near(area(corridor(bent.slice().reverse(), 300)), area(corridor(bent, 300)), 1e-3);
});

test("a corridor of one place is none, and one that folds is found out", () => {
  assert.deepEqual(corridor([MOHAN, MOHAN], 100), []);
  const hairpin = [MOHAN, destination(MOHAN, 300, 90), destination(destination(MOHAN, 300, 90), 300, 280)];
  assert.equal(crossing(corridor(hairpin, 20)), null);
  assert.notEqual(crossing(corridor(hairpin, 400)), null);
});

test("a ring that crosses itself is told with the place", () => {
  assert.equal(crossing([[0, 0], [1, 0], [1, 1], [0, 1]]), null);
  assert.deepEqual(crossing([[0, 0], [1, 1], [1, 0], [0, 1]]), [0.5, 0.5]);
});

test("a polygon is drawn corner by corner, closed, and each step taken back", () => {
  const draft = new Draft("polygon");
  draft.add([0, 0]);
  draft.add([0, 0]);
  draft.add([0.01, 0]);
  assert.equal(draft.finish(), false);
  assert.equal(draft.geometry(), null);
  draft.add([0.01, 0.01]);
  assert.equal(draft.finish(), true);
  assert.equal(draft.fault(), null);
  assert.deepEqual(draft.geometry(), { type: "Polygon", coordinates: [[[0, 0], [0.01, 0], [0.01, 0.01], [0, 0]]] });
  draft.insert(0, 3, [0, 0.01]);
  assert.equal(draft.corners().length, 4);
  draft.move(0, 2, [0.02, 0.02]);
  draft.move(0, 2, [0.03, 0.03], false);
  assert.ok(draft.undo());
  assert.deepEqual(draft.rings[0]![2], [0.01, 0.01], "a whole drag is one step");
  assert.ok(draft.remove(0, 3));
  assert.equal(draft.remove(0, 0), false, "a polygon keeps three corners");
  while (draft.undo());
  assert.deepEqual(draft.rings, [[]]);
  assert.equal(draft.finished, false);
});

test("a circle's rim moves with its centre, and its radius can be typed", () => {
  const draft = new Draft("circle");
  draft.add(MOHAN);
  draft.add(destination(MOHAN, 400, 10));
  assert.ok(draft.finished);
  draft.move(0, 0, [101.7, 21.2]);
  near(draft.radius_m, 400, 0.001);
  draft.radius_m = 250;
  near(draft.radius_m, 250, 0.001);
  assert.equal(draft.geometry()?.coordinates[0]?.length, 65);
});

test("a route that folds says what to do", () => {
  const draft = new Draft("route", 800);
  for (const place of [MOHAN, destination(MOHAN, 300, 90), destination(MOHAN, 80, 60)]) draft.add(place);
  draft.finish();
  assert.match(draft.fault() ?? "", /folds over itself/);
  draft.width_m = 10;
  assert.equal(draft.fault(), null);
});

test("an existing zone with holes and islands comes back as it was", () => {
  const square = (x: number, y: number, side: number): Point[] => [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]];
  const geometry = { type: "MultiPolygon" as const, coordinates: [[square(0, 0, 1), square(0.2, 0.2, 0.2)], [square(3, 3, 1)]] };
  const zone: ZoneFeature = { type: "Feature", properties: { id: "z", kind: "yard", name: "Z" }, geometry };
  const draft = Draft.of(zone);
  assert.deepEqual(draft.geometry(), geometry);
  assert.equal(draft.middles().length, 12);
  draft.move(2, 0, [2.9, 3]);
  assert.deepEqual((draft.geometry()!.coordinates[1] as Point[][])[0]![4], [2.9, 3], "a ring stays closed");
});

test("only what a zone needs is sent", () => {
  const sent = featureOf({ id: "z", kind: "custom", name: "Z", gate: null, grace_s: 0, version: "abc", plausible: false }, { type: "Point", coordinates: [0, 0] });
  assert.deepEqual(sent.properties, { id: "z", kind: "custom", name: "Z", grace_s: 0 });
});

test("an id comes from the name, is free, and exists for names of other scripts", () => {
  assert.equal(idFrom("Yard Nº 7 – Café", new Set(), "x"), "yard-no-7-cafe");
  assert.equal(idFrom("Yard", new Set(["yard", "yard-2"]), "x"), "yard-3");
  assert.equal(idFrom("磨憨", new Set(), "zone-1"), "zone-1");
});

test("a dry run's changes are rows that lead to trucks and say what would be otherwise", () => {
  const enter = { earliest: null, latest: "2026-11-22T07:00:30.000Z", estimate: "2026-11-22T07:00:00.000Z" };
  const visit = { zone_name: "Yard", zone_kind: "yard", enter, leave: null, dwell_s: 600 };
  const added = trialRow({ kind: "visit", id: null, asset: "asset_1", what: [], before: null, after: visit });
  assert.equal(added.asset, "asset_1");
  assert.match(added.text, /^Yard · \d+ Nov, \d\d:00 · 10 min$/);
  assert.equal(trialRow({ kind: "visit", id: "v", asset: "asset_1", what: [], before: visit, after: null }).text, added.text);
  const later = { ...visit, enter: { ...enter, estimate: "2026-11-22T07:05:00.000Z" } };
  const moved = trialRow({ kind: "visit", id: "v", asset: "a", what: ["enter", "dwell_ms", "how"], before: visit, after: later });
  assert.match(moved.text, /^Yard · \d+ Nov, \d\d:00 · enters \d\d:00:00 → \d\d:05:00 · other how it is known$/);
  const crossed = trialRow({ kind: "crossing", id: null, asset: "a", what: [], before: null, after: { gate_name: null, direction: "CN>LA", stages: { approach: null, line: enter } } });
  assert.match(crossed.text, /^crossing CN → LA off any gate · \d+ Nov/);
});

test("the place that a finding names is found in what was checked", () => {
  const ring = [[0, 0], [1, 0], [1, 1], [0, 0]];
  const feature: GeoJSON.Feature = { type: "Feature", properties: {}, geometry: { type: "MultiPolygon", coordinates: [[ring], [ring, [[5, 6], [7, 8], [9, 1], [5, 6]]]] } };
  const finding = { severity: "error", message: "m", feature: 0, ring: 2, position: 1 };
  assert.deepEqual(spotOf([feature], finding), [7, 8]);
  assert.equal(spotOf([feature], { ...finding, position: 9 }), null);
  assert.equal(spotOf([], finding), null);
  assert.equal(spotOf([feature], { ...finding, feature: null }), null);
});
