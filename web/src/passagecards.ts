/** One crossing, visit, trip or stop of a truck: a line that opens to bounds, sureness and history. */

import type { Api, Retracted } from "./api.ts";
import { benchmark, CROSSING_STATES, STAGE_NAMES, taken } from "./crossingview.ts";
import { h, icon } from "./dom.ts";
import { clock, country, dayClock, duration, instant, margin, number, place } from "./format.ts";
import { revisionsView } from "./revisions.ts";
import { span } from "./sentences.ts";
import { timelineView, type Picks, type TimelineRow } from "./timelineview.ts";
import { sureness } from "./timeline.ts";
import { STAGES, type Bracket, type Crossing, type Head, type Moment, type Stage, type Stop, type Trip, type Visit } from "./types.ts";

export type Kind = "crossing" | "visit" | "trip" | "stop";
export type Passage = Crossing | Visit | Trip | Stop;

export interface CardTools {
  api: Api;
  picks: Picks;
  /** Show the object with this id. */
  go(id: string): void;
}

/** What stands in the closed line, and what comes when it is opened. */
interface Parts {
  title: Node | string;
  note: Node | string;
  end: Node | string;
  body: () => (HTMLElement | null)[];
}

const DAY_MS = 86_400_000;
const STAY_OF: Partial<Record<Stage, string>> = { approach: "approach", exit_port: "exit_port", exit_port_left: "between", entry_port: "entry_port" };

export function passageCard(kind: Kind, object: Passage, tools: CardTools, open: boolean): HTMLDetailsElement {
  const parts = partsOf(kind, object, tools.picks);
  const gone = object.change === "retracted";
  const summary = h("summary", {},
    h("span", { class: "passage-title" }, gone ? h("s", {}, parts.title) : parts.title),
    h("span", { class: "passage-note" }, parts.note),
    h("span", { class: "passage-end" }, gone ? h("span", { class: "badge badge-gone" }, object.why?.merged_into ? "Merged" : "Retracted") : parts.end));
  const card = h("details", { class: `passage passage-${kind} ${gone ? "passage-gone" : ""}`, "data-id": object.id ?? "" }, summary);
  let filled = false;
  const fill = () => {
    if (filled || !card.open) return;
    filled = true;
    const body = [gone ? goneNote(object, tools.go) : null, ...parts.body()];
    if (object.id) body.push(revisionsView(tools.api, object.id, object.revision ?? 1));
    card.append(h("div", { class: "passage-body" }, ...body));
  };
  card.addEventListener("toggle", fill);
  card.open = open;
  fill();
  return card;
}

/** The kind of an object that only its fields tell. */
export function kindOf(object: Retracted): Kind | null {
  return object.kind === "crossing" || object.kind === "visit" || object.kind === "trip" || object.kind === "stop" ? object.kind : null;
}

/** When an object began, for the order of lists; ms. */
export function beginOf(kind: Kind, object: Passage): number {
  if (kind === "crossing") {
    const { stages } = object as Crossing;
    return instant(STAGES.map((name) => stages[name]).find(Boolean)?.estimate) ?? 0;
  }
  if (kind === "visit") return instant((object as Visit).enter.estimate) ?? 0;
  return moment((object as Trip | Stop).start) ?? 0;
}

function partsOf(kind: Kind, object: Passage, picks: Picks): Parts {
  switch (kind) {
    case "crossing":
      return crossingParts(object as Crossing, picks);
    case "visit":
      return visitParts(object as Visit, picks);
    case "trip":
      return tripParts(object as Trip, picks);
    case "stop":
      return stopParts(object as Stop, picks);
  }
}

function goneNote(object: Partial<Head>, go: (id: string) => void): HTMLElement {
  const into = object.why?.merged_into;
  if (!into) return h("p", { class: "gone-note" }, "Told and taken back: later reports show that it never was.");
  return h("p", { class: "gone-note" }, "Part of another one: ",
    h("button", { type: "button", class: "link", onclick: () => go(into) }, "show what it became"));
}

function crossingParts(crossing: Crossing, picks: Picks): Parts {
  const id = crossing.id ?? "";
  const over = crossing.state === "completed" || crossing.state === "turned_back";
  const names = crossing.state === "off_gate" ? (["line"] as const) : STAGES.filter((name) => name !== "exit_port_left" || crossing.stages[name]);
  const rows: TimelineRow[] = names.map((name) => {
    const stay = crossing.dwell_s?.[STAY_OF[name] ?? ""];
    return {
      key: `${id}/${name}`, name: STAGE_NAMES[name], bracket: crossing.stages[name], absent: over ? "not seen" : "not yet",
      note: typeof stay === "number" ? duration(stay * 1000) : "", mark: name === "line" ? "line-border" : "",
    };
  });
  const length = taken(crossing);
  const begin = beginOf("crossing", crossing);
  return {
    title: crossing.gate_name ?? "Away from any gate",
    note: `${crossing.direction.replace(">", " → ")} · ${dayClock(begin)}`,
    end: h("span", { class: `badge badge-${crossing.state}` }, CROSSING_STATES[crossing.state] ?? crossing.state),
    body: () => [
      timelineView(rows, picks),
      words(sureness(crossing.confidence)),
      length !== null && length > 0 && crossing.state !== "off_gate" ? benchmark(crossing, length) : null,
    ],
  };
}

function visitParts(visit: Visit, picks: Picks): Parts {
  const id = visit.id ?? "";
  const at = instant(visit.enter.estimate) ?? 0;
  const width = margin(instant(visit.enter.earliest), instant(visit.enter.latest));
  const stay = span(visit as unknown as Record<string, unknown>, "dwell");
  const row = (name: string, key: string, bracket: Bracket | null, absent: string): TimelineRow => ({ key: `${id}/${key}`, name, bracket, absent, note: "" });
  const known = sureness(visit.confidence);
  return {
    title: visit.zone_kind === "country" ? country(visit.country) : visit.zone_name,
    note: h("span", {}, visit.how === "open_beginning" ? `before ${dayClock(at)}` : dayClock(at), h("small", {}, width)),
    end: known ? h("span", { class: "badge badge-unsure" }, "possible") : h("span", { class: `passage-stay ${visit.state === "open" ? "passage-open" : ""}` }, visit.state === "open" ? "inside" : stay === null ? "–" : duration(stay)),
    body: () => [
      timelineView([row("Enters", "enter", visit.enter, ""), row("Leaves", "leave", visit.leave, visit.state === "open" ? "still inside" : "not seen")], picks),
      words(visit.how === "cut" ? "Passed between two fixes, none of them inside." : visit.how === "open_beginning" ? "Inside since before the first fix." : ""),
      words(known),
    ],
  };
}

function tripParts(trip: Trip, picks: Picks): Parts {
  const from = moment(trip.start) ?? 0;
  const to = moment(trip.end);
  const metres = trip.distance_m;
  const countries = Object.entries(trip.countries ?? {});
  return {
    title: trip.state === "open" ? "Under way" : metres === null ? "Trip" : km(metres),
    note: to === null ? `since ${dayClock(from)}` : `${dayClock(from)} – ${clock(to, undefined, false)}`,
    end: h("span", { class: `passage-stay ${trip.state === "open" ? "passage-open" : ""}` }, to === null ? "" : duration(to - from)),
    body: () => [
      h("dl", { class: "facts" },
        ...fact("Way by fixes", metres === null ? null : km(metres)),
        ...fact("Odometer", isNumber(trip.odometer_m) ? km(trip.odometer_m) : null),
        ...fact("Difference", isNumber(trip.difference_m) ? `${trip.difference_m > 0 ? "+" : "−"}${Math.abs(trip.difference_m) < 1000 ? `${number(Math.abs(trip.difference_m))} m` : km(Math.abs(trip.difference_m))}` : null),
        ...fact("From", placeOf(trip.start)),
        ...fact("To", placeOf(trip.end))),
      countries.length ? h("table", { class: "countries" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Country"), h("th", { scope: "col" }, "Way"), h("th", { scope: "col" }, "Time"))),
        h("tbody", {}, ...countries.map(([code, part]) => h("tr", {},
          h("th", { scope: "row" }, code === "??" ? "unknown" : country(code)), h("td", {}, km(part.m)), h("td", {}, duration(part.s * 1000)))))) : null,
      mapButton(`${trip.id}/way`, "Show the way on the map", picks, () => ({ from, to: to ?? Math.max(from, Date.now()) + DAY_MS })),
    ],
  };
}

function stopParts(stop: Stop, picks: Picks): Parts {
  const from = moment(stop.start) ?? 0;
  const to = moment(stop.end);
  const long = span(stop as unknown as Record<string, unknown>, "duration") ?? (to === null ? null : to - from);
  return {
    title: place(stop.lon, stop.lat),
    note: `${stop.open_beginning ? "before " : ""}${dayClock(from)}`,
    end: h("span", { class: `passage-stay ${stop.state === "open" ? "passage-open" : ""}` }, stop.state === "open" ? "standing" : long === null ? "–" : duration(long)),
    body: () => [
      words(stop.open_beginning ? "It stood there before the first fix." : ""),
      mapButton(`${stop.id}/place`, "Show the place on the map", picks, () => ({ lon: stop.lon, lat: stop.lat })),
    ],
  };
}

function mapButton(key: string, text: string, picks: Picks, what: () => Parameters<Picks["press"]>[1]): HTMLElement {
  return h("button", { type: "button", class: "link pick", "data-pick": key, "aria-pressed": String(picks.pressed(key)), onclick: () => picks.press(key, what()) }, icon("target"), text);
}

function words(text: string): HTMLElement | null {
  return text ? h("p", { class: "words" }, text) : null;
}

function fact(name: string, value: string | null): HTMLElement[] {
  return value === null ? [] : [h("dt", {}, name), h("dd", {}, value)];
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const km = (metres: number) => `${number(metres / 1000, 1)} km`;

function moment(value: Moment | string | null): number | null {
  return instant(typeof value === "string" ? value : value?.t);
}

function placeOf(value: Moment | string | null): string | null {
  return value === null || typeof value === "string" || !isNumber(value.lon) ? null : place(value.lon, value.lat);
}
