import assert from "node:assert/strict";
import { test } from "node:test";
import { applied, counts, matching, nearest, ordered, releaseState, rowsFrom } from "../src/clearance/boardrows.ts";
import { codeCells, differenceWords } from "../src/clearance/codes.ts";
import { caseOf, clearanceSentence, clearanceWorthTelling } from "../src/clearance/events.ts";
import { byKind, findingName } from "../src/clearance/findings.ts";
import { ends, localised, offset, PortTime } from "../src/clearance/porttime.ts";
import { histogramBars } from "../src/clearance/report.ts";
import type { BoardRow, Case, Step } from "../src/clearance/shapes.ts";
import { clearanceTime, stagePlaces } from "../src/clearance/stageline.ts";
import { deadlineWords, named, plain, sourceWords, stateTone, stateWords, STATE_ORDER } from "../src/clearance/words.ts";
import { hashOf, parseRoute, type Route } from "../src/routes.ts";
import type { CorridorEvent } from "../src/types.ts";

const NOW = Date.UTC(2026, 10, 22, 6, 0);
const at = (minute: number) => new Date(NOW + minute * 60_000).toISOString();

const row = (name: string, more: Partial<BoardRow> = {}): BoardRow => ({
  case: `case_${name}`, asset: `asset_${name}`, vin: `LZZ${name}`, chassis: name, plate: null, exporter: "Lancang", kind: "tractor", state: "bound", stage: "bound",
  reasons: [], eta: null, window_from: null, deadline: null, lodged: at(-600), release: null, conflicts: [], by: null, position: null, since: at(-60), direction: "CN>LA", ...more,
});

const event = (kind: CorridorEvent["kind"], id: string, object: object, change: CorridorEvent["change"] = "amended"): CorridorEvent => ({
  cursor: "c", kind, id, revision: 2, change, asset: "asset_a", t: at(0), recorded: at(0), object: object as Record<string, unknown>,
});

test("conflicts come first, then the next to arrive, what is over last", () => {
  const rows = [
    row("late", { eta: at(90) }), row("planned", { window_from: at(60) }), row("none"), row("done", { state: "cleared", stage: "cleared", eta: at(-99), conflicts: ["x"] }),
    row("soon", { eta: at(10) }), row("differs", { state: "manual_verification", eta: at(200) }), row("open", { conflicts: ["conflict_1"], eta: at(300) }),
  ];
  assert.deepEqual(ordered(rows).map(({ case: id }) => id.slice(5)), ["differs", "open", "soon", "planned", "late", "none", "done"]);
  assert.deepEqual(ordered([...rows].reverse()), ordered(rows));
});

test("filters take direction, states and any of the names", () => {
  const rows = [row("a"), row("b", { state: "held" }), row("c", { direction: "LA>CN", plate: "云K 51" })];
  const names = (filter: Partial<Parameters<typeof matching>[1]>) => matching(rows, { direction: "", states: new Set(), text: "", ...filter }).map(({ vin }) => vin);
  assert.deepEqual(names({}), ["LZZa", "LZZb", "LZZc"]);
  assert.deepEqual(names({ direction: "LA>CN" }), ["LZZc"]);
  assert.deepEqual(names({ states: new Set(["held"]) }), ["LZZb"]);
  assert.deepEqual(names({ text: " k 51" }), ["LZZc"]);
  assert.deepEqual(names({ text: "lancang" }).length, 3);
  assert.deepEqual([...counts(rows)], [["bound", 2], ["held", 1]]);
});

test("a case's event changes its row, adds a new one, and leaves other gates and kinds alone", () => {
  const rows = [row("a", { plate: "云K 1", position: { lon: 1, lat: 2, t: at(0) } }), row("b")];
  const told = { gate: "mohan-boten", direction: "CN>LA", vin: "LZZa", chassis: "a", exporter: "Lancang", state: "manual_verification", stage: "bound", conflicts: ["conflict_1"], reasons: [{ code: "vin_differs", text: "VINs differ" }], deadlines: [] };
  const after = applied(rows, event("case", "case_a", told), "mohan-boten");
  assert.equal(after.length, 2);
  assert.equal(after[0]!.state, "manual_verification");
  assert.equal(after[0]!.plate, "云K 1");
  assert.equal(after[0]!.since, at(0));
  assert.equal(after[1], rows[1]);
  assert.equal(applied(rows, event("case", "case_new", told), "mohan-boten").length, 3);
  assert.equal(applied(rows, event("case", "case_a", told), "khorgos"), rows);
  assert.equal(applied(rows, event("release", "release_1", { case: "case_other" }), "mohan-boten"), rows);
  assert.deepEqual(applied(rows, event("case", "case_a", told, "retracted"), "mohan-boten"), [rows[1]]);
});

test("a row that did not change its state keeps since when it has it", () => {
  const told = { gate: "g", state: "bound", stage: "bound", direction: "CN>LA" };
  assert.equal(applied([row("a")], event("case", "case_a", told), "g")[0]!.since, at(-60));
});

test("the nearest deadline is the first that is not met", () => {
  const met = { rule: "a", due: at(1), state: "met" as const };
  const late = { rule: "b", due: at(30), state: "pending" as const };
  const soon = { rule: "c", due: at(5), state: "at_risk" as const };
  assert.equal(nearest([met, late, soon])?.rule, "c");
  assert.equal(nearest([met]), null);
  assert.equal(nearest(null), null);
});

test("a deadline says by when, in the port's time", () => {
  const time = new PortTime("mohan-boten", "CN");
  const clock = (ms: number) => time.clock(ms);
  const text = "The filing must be lodged an hour before the vehicle reaches the port of Mohan.";
  assert.equal(deadlineWords({ rule: "filed-before-arrival", due: at(5), state: "pending", text }, clock), "Must be lodged by 14:05");
  assert.equal(deadlineWords({ rule: "permit-before-arrival", due: at(5), state: "at_risk", text }, clock), "Permit must be there by 14:05, at risk");
  assert.equal(deadlineWords({ rule: "filed-before-arrival", due: at(5), state: "missed", text }, clock), "Lodging missed: was due 14:05");
  assert.equal(deadlineWords({ rule: "weighed_first", due: null, state: "pending" }, clock), "Weighed first");
  assert.equal(deadlineWords({ rule: "weighed_first", due: at(5), state: "met" }, clock), "Weighed first in time");
  assert.equal(deadlineWords(null, clock), "");
});

test("a board without lists has empty ones", () => {
  assert.deepEqual(rowsFrom({ items: [{ case: "case_a", reasons: null }] }), [{ case: "case_a", reasons: [], conflicts: [] }]);
  assert.deepEqual(rowsFrom({}), []);
});

test("a release's event changes the row of its case, and the case's own event keeps what is known of it", () => {
  const rows = applied([row("a"), row("b")], event("release", "release_1", { case: "case_a", state: "timeout" }), "g");
  assert.deepEqual(rows.map(({ release }) => releaseState(release)), ["timeout", null]);
  const told = { gate: "g", state: "bound", stage: "bound", direction: "CN>LA", release: "release_1" };
  assert.equal(releaseState(applied(rows, event("case", "case_a", told), "g")[0]!.release), "timeout");
  assert.equal(releaseState(applied(rows, event("case", "case_a", { ...told, release: "release_2" }), "g")[0]!.release), "requested");
});

test("a release is told by its state, of an id alone we know that it was asked for", () => {
  assert.equal(releaseState("release_0f"), "requested");
  assert.equal(releaseState("granted"), "granted");
  assert.equal(releaseState({ state: "timeout" }), "timeout");
  assert.equal(releaseState(null), null);
});

test("times are the port's, with the zone named, on both sides of a line", () => {
  const china = new PortTime("mohan-boten", "CN");
  const laos = new PortTime("mohan-boten", "LA");
  assert.equal(china.clock(NOW), "14:00");
  assert.equal(laos.clock(NOW), "13:00");
  assert.equal(china.name(NOW), "China time, UTC+8");
  assert.equal(laos.name(NOW), "Laos time, UTC+7");
  assert.equal(new PortTime("manzhouli-zabaikalsk", "RU").clock(NOW), "15:00");
  assert.equal(new PortTime("heihe-blagoveshchensk", "RU").name(NOW), "Russia time, UTC+9");
  assert.equal(new PortTime("unknown", "XX").name(NOW), "UTC");
  assert.equal(china.short(NOW, NOW + 60_000), "14:00");
  assert.equal(china.short(NOW, NOW + 86_400_000), "22 Nov, 14:00");
  assert.equal(offset("Asia/Kolkata", NOW), "UTC+5:30");
  assert.deepEqual(ends("CN>LA"), ["CN", "LA"]);
  assert.deepEqual(ends(null), ["", ""]);
});

test("instants within the server's sentences become the port's", () => {
  const laos = new PortTime("mohan-boten", "LA");
  const said = "Arrived at 2026-11-22 06:00:00 UTC (not before 05:59:30, not after 06:00:30), by the crossing.";
  assert.equal(localised(said, laos), "Arrived at 22 Nov, 13:00:00 (not before 12:59:30, not after 13:00:30), by the crossing.");
  assert.equal(localised("Before at 2026-11-22 18:30:00 UTC; and 2026-11-22 06:00:00 UTC", laos), "Before at 23 Nov, 01:30:00; and 22 Nov, 13:00:00");
  assert.equal(localised("must be lodged by 2026-11-22 06:00 UTC, not yet linked.", laos), "must be lodged by 22 Nov, 13:00, not yet linked.");
  assert.equal(localised("no time here", laos), "no time here");
});

test("codes are compared character by character, whichever is longer", () => {
  assert.deepEqual(codeCells("AB", "AXC").map(({ same }) => same), [true, false, false]);
  assert.deepEqual(codeCells(null, "A"), [{ got: null, want: "A", same: false }]);
  assert.equal(differenceWords("LZZ5ELND4KA100137", "LZZ5ELNDXKA100137", null), "position 9: got 4, want X");
  assert.equal(differenceWords("LZZ4ELND4KA100137", "LZZ5ELNDXKA100137", 9), "position 9: got 4, want X, and 1 more place differs");
  assert.equal(differenceWords("LZZ5", "LZZ5EL", null), "position 5: ends before E, and 1 more place differs");
  assert.equal(differenceWords("LZZ5E", "LZZ5", null), "position 5: got E, want nothing");
  assert.equal(differenceWords("A", "A", null), "the codes are the same");
  assert.equal(differenceWords(null, "A", null), "no code was given");
});

const step = (stage: Step["stage"], minute: number, inferred = false): Step => ({ stage, t: at(minute), earliest: null, latest: at(minute), inferred });

test("the line of stages shows what was seen, inferred, reached and not yet", () => {
  const places = stagePlaces({ stage: "arrived", steps: [step("filed", -90), step("bound", -80), step("approaching", -10, true), step("arrived", 0)] });
  assert.deepEqual(places.map(({ how }) => how), ["done", "done", "next", "inferred", "here", "next", "next", "next", "next"]);
  assert.deepEqual(places.map(({ stage }) => stage).slice(-2), ["released", "cleared"]);
});

test("the clearance clock runs from the arrival until the case says how long it took", () => {
  const about = { stage: "arrived", steps: [step("arrived", 0)], ended: null } as unknown as Case;
  assert.deepEqual(clearanceTime(about, NOW + 3_600_000), { s: 3600, running: true });
  assert.deepEqual(clearanceTime({ ...about, clocks_s: { total: 120 } }, NOW), { s: 120, running: false });
  assert.deepEqual(clearanceTime({ ...about, clocks_ms: { total: 120_000 } } as unknown as Case, NOW), { s: 120, running: false });
  assert.deepEqual(clearanceTime({ ...about, ended: at(30) }, NOW + 9e9), { s: 1800, running: false });
  assert.equal(clearanceTime({ ...about, steps: [] }, NOW), null);
});

test("the benchmark lies among the bars where it belongs", () => {
  const { limit, bars } = histogramBars({ benchmark_s: 10_080, distribution: { width_s: 3600, counts: [2, 4, 1, 0, 3], more: true } });
  assert.equal(limit, 2.8);
  assert.deepEqual(bars.map(({ over }) => over), [false, false, false, true, true]);
  assert.deepEqual(bars.map(({ height }) => height), [0.5, 1, 0.25, 0, 0.75]);
  assert.equal(bars[4]!.words, "4 h or more");
});

test("addresses lead to views and back", () => {
  const routes: Route[] = [
    { view: "map" }, { view: "board", query: {} }, { view: "board", query: { gate: "mohan-boten", direction: "CN>LA" } }, { view: "case", id: "case_0f/1 é" },
    { view: "reconcile" }, { view: "report", query: { gate: "khorgos" } },
  ];
  for (const route of routes) assert.deepEqual(parseRoute(hashOf(route)), route);
  assert.deepEqual(parseRoute(""), { view: "map" });
  assert.deepEqual(parseRoute("#nothing/here"), { view: "map" });
  assert.deepEqual(parseRoute("#case"), { view: "board", query: {} });
  assert.deepEqual(parseRoute("#case/%"), { view: "board", query: {} });
});

test("clearance events are told, those that come by thousands are left out, and they lead to the case", () => {
  const manual = event("case", "case_a", { state: "manual_verification", reasons: [{ code: "vin_differs", text: "" }] });
  assert.deepEqual(clearanceSentence(manual), { text: "sent to manual verification", detail: "Vin differs", tone: "alarm" });
  const conflict = event("conflict", "conflict_1", { what: "vin", got: "A4", want: "AX", position: 2, state: "open" });
  assert.deepEqual(clearanceSentence(conflict), { text: "VIN differs", detail: "position 2: got 4, want X", tone: "alarm" });
  assert.equal(clearanceSentence(event("visit", "visit_1", {})), null);
  assert.equal(clearanceWorthTelling(event("filing", "filing_1", {})), false);
  assert.equal(clearanceWorthTelling(event("seal", "seal_1", { state: "broken" })), true);
  assert.equal(caseOf(manual), "case_a");
  assert.equal(caseOf(event("release", "release_1", { case: "case_b" })), "case_b");
  assert.equal(caseOf(conflict), null);
});

test("sources and assets in the server's sentences have the names that people know", () => {
  const name = (asset: string) => (asset === "asset_07815dad5bd937ff0b807626" ? "LZZ1" : null);
  assert.equal(named("VIN by can:0 is LZG8, by registration LZG3: position 17: got 8, want 3", name), "VIN by the vehicle's bus is LZG8, by the registration LZG3: position 17: got 8, want 3");
  assert.equal(named("chassis number by filing:DEMO-04 is D4, by maker D3; D4 is the number of asset_07815dad5bd937ff0b807626", name), "chassis number by the filing DEMO-04 is D4, by the maker's record D3; D4 is the number of LZZ1");
  assert.equal(named("the number of asset_fe02db446afaf8df984bf389: exchanged", name), "the number of asset_fe02db44…: exchanged");
  assert.equal(named("decided by officers", name), "decided by officers");
  assert.equal(sourceWords("filing:DE-1"), "the filing DE-1");
  assert.equal(sourceWords("odd"), "Odd");
});

test("every state has its name and tone, and findings their order", () => {
  for (const state of STATE_ORDER) assert.notEqual(stateWords(state), state);
  assert.deepEqual(["manual_verification", "held", "released", "closed", "new_one"].map(stateTone), ["bad", "held", "good", "over", "way"]);
  assert.equal(plain("bill_of-lading"), "Bill of lading");
  const found = (kind: string) => ({ kind, severity: "error", text: "" });
  assert.deepEqual(byKind([found("not_filed"), found("odd"), found("swapped_pair"), found("not_filed")]).map(([kind, all]) => [kind, all.length]), [["swapped_pair", 1], ["not_filed", 2], ["odd", 1]]);
  assert.equal(findingName("vin_slip"), "Slip in the VIN");
});
