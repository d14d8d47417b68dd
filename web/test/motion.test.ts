import assert from "node:assert/strict";
import { test } from "node:test";
import { course, Motion, turn } from "../src/motion.ts";
import type { PositionRow } from "../src/types.ts";

const row = (lon: number, lat = 21, heading: number | null = null, asset = "a"): PositionRow => [asset, lon, lat, 60, heading, 0, "moving", "CN"];

test("a truck is shown at its first place at once", () => {
  const motion = new Motion();
  assert.deepEqual(motion.update([row(101)], 0), ["a"]);
  assert.equal(motion.advance(0), false);
  assert.equal(motion.lon[0], 101);
});

test("a truck glides from where it is shown to its newest place and stays there", () => {
  const motion = new Motion();
  motion.update([row(101)], 0);
  assert.deepEqual(motion.update([row(101.01)], 1000), []);
  assert.equal(motion.advance(1550), true);
  assert.ok(motion.lon[0]! > 101.004 && motion.lon[0]! < 101.006);
  motion.update([row(101.02)], 1600);
  const shown = motion.lon[0]!;
  motion.advance(1600);
  assert.ok(Math.abs(motion.lon[0]! - shown) < 1e-9, "no jump when an update comes early");
  assert.equal(motion.advance(60_000), false);
  assert.equal(motion.lon[0], 101.02);
});

test("the glide takes about as long as the updates are apart", () => {
  const motion = new Motion();
  for (let i = 0; i < 30; i++) motion.update([row(101 + i * 0.001)], i * 4000);
  motion.advance(29 * 4000 + 4000);
  assert.ok(motion.lon[0]! > 101.0285, `nearly there, got ${motion.lon[0]}`);
  assert.ok(motion.lon[0]! < 101.029, "still moving when the next update is due");
});

test("a jump too far to be driven is not glided over", () => {
  const motion = new Motion();
  motion.update([row(101)], 0);
  motion.update([row(110)], 1000);
  motion.advance(1000);
  assert.equal(motion.lon[0], 110);
});

test("rows grow beyond the first capacity and keep their trucks apart", () => {
  const motion = new Motion();
  const rows = Array.from({ length: 5000 }, (_, i) => row(i / 100, 20, null, `a${i}`));
  assert.equal(motion.update(rows, 0).length, 5000);
  motion.advance(0);
  assert.equal(motion.lon[4321], 43.21);
  assert.equal(motion.index.get("a4321"), 4321);
  assert.deepEqual(motion.counts(), [5000, 0, 0, 0]);
});

test("angles turn the short way round", () => {
  assert.equal(turn(350, 10, 0.5), 0);
  assert.equal(turn(10, 350, 0.5), 0);
  assert.equal(turn(90, 180, 0.5), 135);
});

test("the course of a move, none of a jitter", () => {
  assert.ok(Math.abs(course(101, 21, 101, 21.1)! - 0) < 1e-9);
  assert.ok(Math.abs(course(101, 21, 101.1, 21)! - 90) < 1e-6);
  assert.equal(course(101, 21, 101.000001, 21), null);
});
