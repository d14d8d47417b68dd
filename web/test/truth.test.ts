import assert from "node:assert/strict";
import { test } from "node:test";
import { changeLines, fieldName, runs } from "../src/changes.ts";
import { trackFrom } from "../src/columns.ts";
import { retold, worthTelling } from "../src/eventlist.ts";
import { flaggedFeatures, flaggedWords, flagNames, flagWords } from "../src/flags.ts";
import { sentence } from "../src/sentences.ts";
import { barOf, bounds, periodOf, sureness } from "../src/timeline.ts";
import type { Bracket, CorridorEvent, Revision } from "../src/types.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 7, minute)).toISOString();
const bracket = (earliest: number | null, estimate: number, latest: number): Bracket => ({
  earliest: earliest === null ? null : at(earliest), estimate: at(estimate), latest: at(latest),
});

test("brackets lie on one piece of time, in order and within it", () => {
  const brackets = [bracket(0, 2, 4), null, bracket(30, 31, 40)];
  const period = periodOf(brackets)!;
  const [first, none, last] = brackets.map((one) => barOf(one, period));
  assert.equal(none, null);
  for (const bar of [first!, last!]) assert.ok(0 <= bar.from && bar.from <= bar.tick && bar.tick <= bar.to && bar.to <= 1);
  assert.ok(first!.to < last!.from);
  assert.ok(Math.abs((first!.tick - first!.from) / (first!.to - first!.from) - 0.5) < 1e-9);
  assert.equal(periodOf([null, undefined]), null);
});

test("one instant alone has a piece of time around it", () => {
  const only = bracket(5, 5, 5);
  const bar = barOf(only, periodOf([only])!)!;
  assert.ok(bar.from > 0.4 && bar.to < 0.6);
});

test("a beginning that nobody saw is open to the left, and said so", () => {
  const open = bracket(null, 10, 10);
  assert.deepEqual(barOf(open, { from: Date.parse(at(0)), to: Date.parse(at(20)) }), { from: 0, to: 0.5, tick: 0.5, open: true });
  const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  assert.equal(bounds(open, clock), "before 07:10, the beginning was not seen");
  assert.equal(bounds(bracket(0, 2, 4), clock), "between 07:00 and 07:04");
});

test("what is less than sure is said in words", () => {
  assert.equal(sureness(undefined), "");
  assert.equal(sureness(1), "");
  assert.match(sureness(0.999), /^Probable: 99 % sure/);
  assert.match(sureness(0.5), /^Possible: 50 % sure/);
  assert.match(sureness(0.1), /^Hardly: 10 % sure/);
  assert.match(sureness(0), /^Only possible/);
});

test("each flag has its name, and one to come is told by its number", () => {
  assert.deepEqual(flagNames(0), []);
  assert.deepEqual(flagNames(128 + 8), ["clock ahead", "jump"]);
  assert.deepEqual(flagNames(1023).length, 10);
  assert.deepEqual(flagNames(2048 + 2), ["poor precision", "flag 2048"]);
  assert.equal(flagWords(4), "null island: not used");
  assert.equal(flagWords(256), "speed differs from the wheels'");
});

const row = (minute: number, lon: number, flags?: number | null) => ({ t: at(minute), lon, lat: 21, speed_kmh: 30, ...(flags === undefined ? {} : { flags }) });

test("fixes that were not believed are no part of the track, those with advice are", () => {
  const track = trackFrom({ items: [row(0, 101), row(1, 0, 4), row(2, 101.1, 256), row(3, 101.2, 0), row(4, 105, 128 + 512), row(5, 101.3, null)], next: null });
  assert.deepEqual(track.lon, [101, 101.1, 101.2, 101.3]);
  assert.deepEqual(track.flagged.map(({ lon, flags }) => [lon, flags]), [[0, 4], [101.1, 256], [105, 640]]);
  assert.equal(flaggedWords(track.flagged), "3 fixes with doubts: 1 null island, 1 speed differs from the wheels', 1 jump, 1 odometer differs from the way");
  const drawn = flaggedFeatures(track.flagged, () => "07:01:00");
  assert.deepEqual(drawn.features.map(({ properties }) => properties), [
    { text: "07:01:00 · null island: not used", used: false },
    { text: "07:01:00 · speed differs from the wheels'", used: true },
    { text: "07:01:00 · jump, odometer differs from the way: not used", used: false },
  ]);
});

const revision = (n: number, object: object, changed: string[] = [], positions: number[] = []): Revision => ({
  revision: n, change: n === 1 ? "created" : "amended", t: at(0), recorded: at(n), position: n, why: { changed, positions }, object: object as Record<string, unknown>,
});

test("a revision says what it changed, from what to what, in the API's units", () => {
  const first = revision(1, { state: "open", leave: null, dwell_s: null, confidence: 0.4 });
  const second = revision(2, { state: "closed", leave: bracket(9, 10, 11), dwell_s: 600, confidence: 1 }, ["state", "leave", "dwell_ms", "confidence_permille"]);
  assert.deepEqual(changeLines(second, first, "UTC"), [
    "state: open → closed", "leaving: not known → 07:10:00 ±1 min", "stay: not known → 10 min", "sureness: 40 % → 100 %",
  ]);
  assert.deepEqual(changeLines(second, undefined, "UTC")[0], "state: closed");
});

test("of a crossing's stages those that differ are named", () => {
  const before = revision(1, { stages: { approach: bracket(0, 1, 2), line: null } });
  const after = revision(2, { stages: { approach: bracket(0, 1, 2), line: bracket(4, 5, 6) } }, ["stages"]);
  assert.deepEqual(changeLines(after, before, "UTC"), ["line: not known → 07:05:00 ±1 min"]);
});

test("stays of a crossing are named one by one, in their unit", () => {
  const before = revision(1, { dwell_s: { approach: 60, between: null } });
  const after = revision(2, { dwell_s: { approach: 60, between: 300 } }, ["dwell_ms"]);
  assert.deepEqual(changeLines(after, before, "UTC"), ["stay, between: not known → 5 min"]);
});

test("a bound that only got tighter than the clock shows is known better", () => {
  const wide = revision(1, { enter: { ...bracket(0, 1, 2), lon: 1 } });
  const moved = revision(2, { enter: { ...bracket(0, 1, 2), lon: 2 } }, ["enter"]);
  assert.deepEqual(changeLines(moved, wide, "UTC"), ["entry: 07:01:00 ±1 min, known better"]);
});

test("fields have their words, log positions their runs", () => {
  assert.equal(fieldName("stages.exit_port_left"), "left the exit port");
  assert.equal(fieldName("dwell_ms.exit_port"), "stay, exit port");
  assert.equal(fieldName("zone_version"), "version of the zone");
  assert.equal(runs([7, 3, 4, 5, 9, 10, 5]), "3–5, 7, 9, 10");
  assert.equal(runs([]), "");
});

const event = (kind: CorridorEvent["kind"], object: object, change: CorridorEvent["change"] = "created"): CorridorEvent => ({
  cursor: "c", kind, id: `${kind}_1`, revision: 1, change, asset: "a", t: at(0), recorded: at(0), object: object as Record<string, unknown>,
});

test("a border crossed away from any gate is an alarm in the list", () => {
  const alarm = event("crossing", { state: "off_gate", gate: null, gate_name: null, direction: "CN>LA", stages: { line: bracket(4, 5, 6) } });
  const said = sentence(alarm, "HOWO 07", "UTC");
  assert.deepEqual([said.text, said.detail, said.tone], ["crossed the border away from any gate", "CN → LA · 07:05:00 ±1 min", "alarm"]);
  assert.ok(worthTelling(alarm));
  assert.equal(retold([alarm]).size, 0);
});

test("what became part of another object says so, and unknown kinds break nothing", () => {
  assert.equal(sentence(event("visit", { why: { merged_into: "visit_2" } }, "retracted"), "HOWO 07").text, "visit merged with another one");
  assert.equal(sentence(event("something" as never, {}), "HOWO 07").text, "something created");
  assert.equal(sentence(event("late", { samples: 12, device: "d" }), "HOWO 07").text, "sent 12 samples too old to change anything");
  assert.equal(worthTelling(event("stop", { state: "closed" })), false);
});

test("a possible visit is told as possible", () => {
  const said = sentence(event("visit", { zone_name: "Yard", zone_kind: "custom", state: "closed", how: "possible", confidence: 0.62 }), "HOWO 07");
  assert.deepEqual([said.text, said.detail], ["may have passed through Yard", "62 % sure"]);
});
