import assert from "node:assert/strict";
import { test } from "node:test";
import { EventLog } from "../src/eventlog.ts";
import { retold, worthTelling } from "../src/eventlist.ts";
import { sentence } from "../src/sentences.ts";
import type { CorridorEvent } from "../src/types.ts";

const event = (n: number, revision = 1, id = `e${n}`): CorridorEvent => ({
  cursor: `c${n}`, kind: "visit", id, revision, change: "created", asset: "a", t: "2026-11-22T07:00:00.000Z", recorded: "2026-11-22T07:00:01.000Z", object: {},
});

test("events stand newest first and each revision once", () => {
  const log = new EventLog();
  assert.equal(log.add([event(1), event(2)]).length, 2);
  assert.deepEqual(log.add([event(2), event(3)]).map(({ id }) => id), ["e3"]);
  assert.deepEqual(log.items.map(({ id }) => id), ["e3", "e2", "e1"]);
  assert.equal(log.add([event(4, 2, "e3")]).length, 1, "a new revision is a new entry");
});

test("the place to resume is the last event's, whether it was new or not", () => {
  const log = new EventLog();
  log.add([event(1), event(2)]);
  log.seed([event(7)]);
  assert.equal(log.cursor, "c2");
  log.add([event(7)]);
  assert.equal(log.cursor, "c7");
});

test("older events go behind, and the log forgets beyond its limit", () => {
  const log = new EventLog(3);
  log.add([event(5)]);
  log.seed([event(4), event(3), event(2), event(1)]);
  assert.deepEqual(log.items.map(({ id }) => id), ["e5", "e4", "e3"]);
  log.add([event(6), event(7)]);
  assert.deepEqual(log.items.map(({ id }) => id), ["e7", "e6", "e5"]);
});

const bracket = (at: string, half: number) => ({
  earliest: new Date(Date.parse(at) - half * 1000).toISOString(), latest: new Date(Date.parse(at) + half * 1000).toISOString(), estimate: at,
});
const crossing = (object: object): CorridorEvent => ({
  ...event(1), kind: "crossing",
  object: { gate_name: "Mohan-Boten", direction: "CN>LA", from: "CN", to: "LA", stages: {}, ...object },
});
const say = (one: CorridorEvent) => {
  const { subject, text, detail } = sentence(one, "HOWO 07", "Asia/Vientiane");
  return [subject, text, detail].filter(Boolean).join(" | ");
};

test("a crossing tells its stage, its time and how exactly it is known", () => {
  const line = bracket("2026-11-22T07:03:12.000Z", 9);
  assert.equal(say(crossing({ state: "approaching" })), "HOWO 07 | approaches Mohan-Boten | CN → LA");
  assert.equal(say(crossing({ state: "between", stages: { line } })), "HOWO 07 | crossed the line at Mohan-Boten | CN → LA · 14:03:12 ±9 s");
  assert.equal(say(crossing({ state: "completed", duration_s: 8040 })), "HOWO 07 | completed the crossing at Mohan-Boten | CN → LA · in 2 h 14 min");
  assert.equal(say(crossing({ state: "turned_back" })), "HOWO 07 | turned back at Mohan-Boten | CN → LA");
  assert.equal(say({ ...crossing({ state: "between" }), change: "retracted" }), "HOWO 07 | crossing withdrawn | it never was");
});

test("a visit tells its zone, a country by its name, and how long it took", () => {
  const visit = (object: object): CorridorEvent => ({ ...event(1), object: { zone_name: "Boten port", zone_kind: "port", how: "path", leave: null, ...object } });
  const enter = { ...bracket("2026-11-22T07:00:00.000Z", 0), earliest: null };
  assert.equal(say(visit({ state: "open", enter })), "HOWO 07 | entered Boten port | 14:00:00");
  assert.equal(say(visit({ state: "open", enter, zone_kind: "country", country: "LA" })), "HOWO 07 | entered Laos | 14:00:00");
  assert.equal(say(visit({ state: "closed", enter, dwell_s: 720 })), "HOWO 07 | left Boten port | after 12 min");
  assert.equal(say(visit({ state: "closed", enter, how: "cut", dwell_s: 8 })), "HOWO 07 | passed through Boten port | after 8 s");
  assert.equal(say(visit({ state: "open", enter, how: "open_beginning" })), "HOWO 07 | is in Boten port | since before the first fix");
});

test("trips, registrations and refused commands have their sentences", () => {
  assert.equal(say({ ...event(1), kind: "trip", object: { state: "closed", distance_m: 12_345.6 } }), "HOWO 07 | ended its trip | 12.3 km");
  assert.equal(say({ ...event(1), kind: "asset", object: { name: "FAW 3", vin: "LZZ5" } }), "FAW 3 | registered | LZZ5");
  assert.equal(say({ ...event(1), kind: "device", object: { device: "tbox-1", to: null } }), "tbox-1 | fitted to HOWO 07");
  assert.equal(say({ ...event(1), kind: "command", object: { command: "device.fit", ok: false, error: { detail: "no such device" } } }), "Registry | device.fit refused | no such device");
});

test("small moves and commands that went well are not told among all events", () => {
  const trip = (object: object): CorridorEvent => ({ ...event(1), kind: "trip", object: { ...object } });
  assert.equal(worthTelling(trip({ state: "open" })), false);
  assert.equal(worthTelling(trip({ state: "closed", distance_m: 40 })), false);
  assert.equal(worthTelling(trip({ state: "closed", distance_m: 40_000 })), true);
  assert.equal(worthTelling({ ...event(1), kind: "command", object: { ok: true } }), false);
  assert.equal(worthTelling({ ...event(1), kind: "command", object: { ok: false } }), true);
  assert.equal(worthTelling(event(1)), true);
});

test("a revision that tells nothing new is not told again", () => {
  const revision = (n: number, state: string, line: unknown = null): CorridorEvent => ({
    ...event(n, n, "x"), kind: "crossing", object: { state, stages: { line } },
  });
  const items = [revision(4, "completed", {}), revision(3, "at_entry_port", {}), revision(2, "at_entry_port", {}), revision(1, "at_entry_port")];
  assert.deepEqual([...retold(items)].map((e) => e.revision), [3]);
});
