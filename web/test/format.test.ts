import assert from "node:assert/strict";
import { test } from "node:test";
import { shape, gapOf } from "../src/charts.ts";
import { placeAt, signalsFrom, trackFrom } from "../src/columns.ts";
import { clock, date, duration, heading, instant, margin, number } from "../src/format.ts";
import { graticule, stepAt } from "../src/graticule.ts";
import { Trails } from "../src/trails.ts";
import { matches } from "../src/trucklist.ts";
import type { PositionRow } from "../src/types.ts";

test("durations in their two largest units", () => {
  const texts = [0, 45_000, 90_000, 720_000, 8_040_000, 7_200_000, 273_600_000].map(duration);
  assert.deepEqual(texts, ["0 s", "45 s", "1 min 30 s", "12 min", "2 h 14 min", "2 h", "3 d 4 h"]);
});

test("a margin is half the width between the bounds", () => {
  assert.equal(margin(0, 18_000), "±9 s");
  assert.equal(margin(0, 600), "±0.3 s");
  assert.equal(margin(null, 5), "");
  assert.equal(margin(5, 5), "");
});

test("times, headings and numbers", () => {
  assert.equal(clock(Date.parse("2026-11-22T07:03:12Z"), "Asia/Shanghai"), "15:03:12");
  assert.equal(clock(Date.parse("2026-11-22T16:00:00Z"), "Asia/Shanghai"), "00:00:00");
  assert.equal(date(Date.parse("2026-12-31T16:00:00Z"), "Asia/Shanghai"), "1 Jan 2027");
  assert.deepEqual([heading(0), heading(359.6), heading(214), heading(null)], ["0° N", "0° N", "214° SW", "–"]);
  assert.deepEqual([number(1234.56, 1), number(null), number(NaN)], ["1,234.6", "–", "–"]);
  assert.deepEqual([instant("2026-11-22T07:00:00.000Z"), instant("soon"), instant(null)], [1795330800000, null, null]);
});

test("a track leaves out rows without a place, and finds places between its points", () => {
  const items = [
    { t: "1970-01-01T00:00:00Z", lon: 100, lat: 20, speed_kmh: 10 },
    { t: "1970-01-01T00:00:05Z", lon: null, lat: 20, speed_kmh: 10 },
    { t: "1970-01-01T00:00:10Z", lon: 101, lat: 21, speed_kmh: null },
  ];
  const track = trackFrom({ items, next: null });
  assert.deepEqual(track, { t: [0, 10_000], lon: [100, 101], lat: [20, 21], speed: [10, null], flagged: [] });
  assert.deepEqual(placeAt(track, 5000), { lon: 100.5, lat: 20.5, speed: 10 });
  assert.deepEqual(placeAt(track, -1), { lon: 100, lat: 20, speed: 10 });
  assert.deepEqual(placeAt(track, 99_999), { lon: 101, lat: 21, speed: null });
  assert.equal(placeAt({ t: [], lon: [], lat: [], speed: [], flagged: [] }, 0), null);
});

test("signals keep their gaps", () => {
  const items = [{ t: "1970-01-01T00:00:00Z", rpm: 600 }, { t: "1970-01-01T00:00:01Z", rpm: null, fuel: 1 }];
  assert.deepEqual(signalsFrom({ items, next: null }, ["rpm", "fuel"]), { t: [0, 1000], values: { rpm: [600, null], fuel: [null, 1] } });
});

test("a chart breaks its line where samples are missing", () => {
  const drawn = shape([0, 10, 20, 1000, 1010], [1, 3, 2, null, 5], 101, 10, 100)!;
  assert.equal(drawn.line, "M0 10L1 5L2 7.5M101 0h.01");
  assert.deepEqual([drawn.low, drawn.high, drawn.last], [1, 5, 5]);
  assert.equal(shape([0, 1], [null, null], 10, 10), null);
  assert.equal(shape([0, 10], [4, 4], 10, 10)!.line, "M0 5L10 5", "a flat line lies in the middle");
  assert.equal(gapOf([0, 60_000, 120_000, 180_000]), 480_000);
});

test("the graticule covers the box on whole steps and stays off the poles", () => {
  const lines = graticule([101.2, 20.9, 102.1, 21.3], 0.5).features;
  assert.ok(lines.length >= 7);
  const xs = lines.flatMap(({ geometry }) => (geometry.type === "LineString" ? geometry.coordinates.map(([x]) => x!) : []));
  assert.ok(Math.min(...xs) <= 101 && Math.max(...xs) >= 102.5);
  const ys = graticule([-180, -90, 180, 90], 10).features.flatMap(({ geometry }) => (geometry.type === "LineString" ? geometry.coordinates.map(([, y]) => Math.abs(y!)) : []));
  assert.ok(Math.max(...ys) <= 85);
  assert.deepEqual([stepAt(2), stepAt(6), stepAt(12)], [10, 1, 0.1]);
});

test("a trail keeps the last places and starts anew after a jump", () => {
  const trails = new Trails();
  const row = (lon: number): PositionRow => ["a", lon, 20, 0, 0, 0, "moving", null];
  for (let i = 0; i < 100; i++) trails.add([row(100 + i * 0.001)]);
  assert.equal(trails.of("a")!.length, 80);
  assert.equal(trails.of("a")![78], 100.099);
  trails.add([row(120)]);
  assert.deepEqual(trails.of("a"), [120, 20]);
});

test("a search needs every word, anywhere, in any case", () => {
  assert.ok(matches("howo 07", "HOWO 07", "LZZ5ELND"));
  assert.ok(matches("elnd 07", "HOWO 07", "LZZ5ELND", null));
  assert.ok(!matches("howo 08", "HOWO 07", undefined));
});
