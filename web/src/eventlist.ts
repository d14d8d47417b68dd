/** The list of events as they come, newest first, as sentences; each leads to its truck. */

import { caseOf, clearanceWorthTelling } from "./clearance/events.ts";
import { arrowKeys, h, icon } from "./dom.ts";
import { clock, dayClock, instant } from "./format.ts";
import { go } from "./routes.ts";
import { sentence } from "./sentences.ts";
import type { Store } from "./store.ts";
import type { CorridorEvent } from "./types.ts";

const SHOWN = 120;
const WORTH_M = 5000;
const KINDS = ["all", "crossing", "visit", "case"] as const;
const KIND_NAMES = { all: "All", crossing: "Crossings", visit: "Visits", case: "Cases" };

export class EventList {
  readonly element: HTMLElement;
  private readonly list = h("ol", { class: "events", "aria-label": "Events, newest first" });
  private readonly empty = h("p", { class: "empty" }, "Waiting for the first event.");
  private kind: (typeof KINDS)[number] = "all";
  private readonly rows = new Map<string, HTMLElement>();

  constructor(private readonly store: Store) {
    const buttons = KINDS.map((kind) =>
      h("button", { type: "button", class: "segment", "aria-pressed": String(kind === this.kind), onclick: () => this.choose(kind, buttons) }, KIND_NAMES[kind]),
    );
    this.element = h(
      "section",
      { class: "section section-events", "aria-label": "Events" },
      h("div", { class: "section-head" }, h("h2", {}, "Events"), h("div", { class: "segments", role: "group", "aria-label": "Which events" }, ...buttons)),
      this.empty,
      this.list,
    );
    arrowKeys(this.list, "button.event");
    store.on("events", () => this.render());
    store.on("info", () => this.rebuild());
    this.render();
  }

  private choose(kind: (typeof KINDS)[number], buttons: HTMLElement[]): void {
    this.kind = kind;
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(KINDS[i] === kind)));
    this.rebuild();
  }

  private rebuild(): void {
    this.rows.clear();
    this.list.replaceChildren();
    this.render(false);
  }

  private render(arriving = true): void {
    const wanted: CorridorEvent[] = [];
    const again = retold(this.store.log.items);
    for (const event of this.store.log.items) {
      if (wanted.length >= SHOWN) break;
      if (again.has(event)) continue;
      if (this.kind === "all" ? worthTelling(event) : event.kind === this.kind) wanted.push(event);
    }
    const keys = new Set(wanted.map(keyOf));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    let before: Element | null = this.list.firstElementChild;
    for (const event of wanted) {
      let row = this.rows.get(keyOf(event));
      if (!row) {
        this.rows.set(keyOf(event), (row = this.row(event)));
        if (arriving && event.cursor) row.className = "arrived";
      }
      if (row === before) before = row.nextElementSibling;
      else this.list.insertBefore(row, before);
    }
    this.empty.hidden = wanted.length > 0;
  }

  /** To what the event is about: a case's own view, else its truck. */
  private lead(event: CorridorEvent): void {
    const about = caseOf(event);
    if (about) go({ view: "case", id: about });
    else if (event.asset) this.store.select({ kind: "truck", id: event.asset });
  }

  private row(event: CorridorEvent): HTMLElement {
    const said = sentence(event, this.store.name(event.asset));
    const at = instant(event.t) ?? 0;
    const title = `${event.kind} ${event.change}, revision ${event.revision}\n${event.t}`;
    const body = h(
      "button",
      { type: "button", class: `event ${said.tone === "alarm" ? "event-alarm" : ""}`, title, onclick: () => this.lead(event) },
      h("span", { class: `event-mark tone-${said.tone}` }),
      h("span", { class: "event-body" },
        h("span", { class: "event-text" }, h("strong", {}, said.subject), ` ${said.text}`),
        h("span", { class: "event-detail" }, said.detail)),
      h("time", { datetime: event.t, title: dayClock(at) }, clock(at)),
    );
    body.firstElementChild!.append(icon(said.tone));
    return h("li", {}, body);
  }
}

/**
 * Left out of "All": commands that went well, which other events tell, and the small moves and stops
 * in a queue.
 */
export function worthTelling(event: CorridorEvent): boolean {
  const { kind, object } = event;
  if (kind === "trip") return object.state === "closed" && typeof object.distance_m === "number" && object.distance_m >= WORTH_M;
  if (kind === "stop") return false;
  if (kind === "command") return object.ok === false;
  return clearanceWorthTelling(event);
}

/** Crossings and cases whose revision only tightened what an older one in the list has told; newest first. */
export function retold(items: readonly CorridorEvent[]): Set<CorridorEvent> {
  const told = new Map<string, string>();
  const again = new Set<CorridorEvent>();
  for (let i = items.length - 1; i >= 0; i--) {
    const event = items[i]!;
    if (event.kind !== "crossing" && event.kind !== "case") continue;
    const stages = (event.object.stages ?? {}) as Record<string, unknown>;
    const tale = `${String(event.object.state)} ${stages.line ? "line" : ""}`;
    if (told.get(event.id) === tale) again.add(event);
    told.set(event.id, tale);
  }
  return again;
}

const keyOf = (event: CorridorEvent) => `${event.id}#${event.revision}`;

