/** The board's table: one row a case, kept in the document while it is the same, so that focus and pointer stay. */

import { arrowKeys, h, icon } from "../dom.ts";
import { duration, instant } from "../format.ts";
import { hashOf } from "../routes.ts";
import type { Store } from "../store.ts";
import { releaseState, troubled } from "./boardrows.ts";
import { deadlineChip, stateChip, timeOf } from "./chips.ts";
import { openDecision } from "./decide.ts";
import { localised, type PortTime } from "./porttime.ts";
import type { Clearance } from "./requests.ts";
import type { BoardRow } from "./shapes.ts";
import { DECISIONS, isOpen, kindWords, named, plain, releaseWords, stateTone, type Decision } from "./words.ts";

/** So many rows are drawn; the filters find the others. */
const MOST = 300;
/** A pointer over the rows holds their order this long after its last move, so that no row slips from under it. */
const STEADY_MS = 3000;
const HEADS = ["Arrives", "Vehicle", "State", "What stands in the way", "Next deadline", "Filed", ""];

interface Drawn {
  row: HTMLTableRowElement;
  key: string;
}

export class BoardTable {
  readonly element: HTMLElement;
  private readonly body = h("tbody", {});
  private readonly empty = h("p", { class: "empty" });
  private readonly more = h("p", { class: "quiet" });
  private readonly drawn = new Map<string, Drawn>();
  private wanted: BoardRow[] = [];
  private time: PortTime | null = null;
  private moved = 0;
  private again = 0;

  constructor(private readonly store: Store, private readonly requests: Clearance, private readonly decided: (said: string) => void) {
    const table = h("table", { class: "board-table" },
      h("caption", { class: "unseen" }, "Vehicles of this gate, conflicts first, then by arrival"),
      h("thead", {}, h("tr", {}, ...HEADS.map((head) => h("th", { scope: "col" }, head || h("span", { class: "unseen" }, "Actions"))))),
      this.body);
    this.element = h("div", { class: "board-rows" }, table, this.empty, this.more);
    arrowKeys(this.body, "a.case-link");
    this.body.addEventListener("pointermove", () => (this.moved = performance.now()));
    this.body.addEventListener("pointerleave", () => {
      this.moved = 0;
      this.draw();
    });
  }

  close(): void {
    window.clearTimeout(this.again);
  }

  say(text: string): void {
    this.empty.textContent = text;
    this.empty.hidden = !text;
  }

  show(rows: BoardRow[], time: PortTime): void {
    this.wanted = rows;
    this.time = time;
    this.draw();
  }

  /** The passing of time alone: what counts down. */
  tick(): void {
    const now = this.store.now();
    for (const cell of this.body.querySelectorAll<HTMLElement>("[data-eta]")) cell.textContent = within(Number(cell.dataset.eta) - now);
  }

  private draw(): void {
    const time = this.time;
    if (!time) return;
    const rows = this.wanted.slice(0, MOST);
    const now = this.store.now();
    const focused = this.focused();
    const known = new Set(rows.map((row) => row.case));
    for (const [id, { row }] of this.drawn) {
      if (known.has(id)) continue;
      row.remove();
      this.drawn.delete(id);
    }
    const steady = performance.now() - this.moved < STEADY_MS;
    const elements = rows.map((row) => this.row(row, time, now));
    let before: Element | null = this.body.firstElementChild;
    for (const element of elements) {
      if (!element.isConnected && steady) this.body.append(element);
      else if (element === before) before = element.nextElementSibling;
      else if (!steady) this.body.insertBefore(element, before);
    }
    if (steady) {
      window.clearTimeout(this.again);
      this.again = window.setTimeout(() => this.draw(), STEADY_MS);
    }
    if (focused && this.focused()?.join() !== focused.join()) {
      this.drawn.get(focused[0])?.row.querySelector<HTMLElement>(`[data-at="${focused[1]}"]`)?.focus({ preventScroll: true });
    }
    const rest = this.wanted.length - rows.length;
    this.more.textContent = rest > 0 ? `${rest} more: narrow the filters to see them.` : "";
  }

  /** The case and the part of its row that have the focus; moved and new elements lose it. */
  private focused(): [id: string, at: string] | null {
    const element = document.activeElement as HTMLElement | null;
    const row = this.body.contains(element) ? element?.closest<HTMLElement>("[data-case]") : null;
    return row && element?.dataset.at ? [row.dataset.case!, element.dataset.at] : null;
  }

  /** The row's element: the one there is while nothing of it changed, else a new one in its place. */
  private row(row: BoardRow, time: PortTime, now: number): HTMLTableRowElement {
    const key = JSON.stringify([row, time.side, this.store.officer]);
    const before = this.drawn.get(row.case);
    if (before?.key === key) return before.row;
    const made = this.made(row, time, now);
    before?.row.replaceWith(made);
    this.drawn.set(row.case, { row: made, key });
    return made;
  }

  private made(row: BoardRow, time: PortTime, now: number): HTMLTableRowElement {
    const href = hashOf({ view: "case", id: row.case });
    const since = instant(row.since);
    const asked = releaseState(row.release);
    const cell = (name: string, ...children: (Node | string | null)[]) => h("td", { class: `cell-${name}` }, ...children);
    const element = h("tr", { class: `board-row ${troubled(row) && isOpen(row) ? "board-trouble" : ""} tone-row-${stateTone(row.state)}`, "data-case": row.case },
      cell("eta", ...this.eta(row, time, now)),
      cell("vehicle",
        h("a", { class: "case-link", href, "data-at": "link" }, h("code", {}, row.vin ?? "VIN unknown")),
        h("span", { class: "row-codes" }, [row.chassis ? `chassis ${row.chassis}` : "no chassis number", row.plate].filter(Boolean).join(" · ")),
        h("span", { class: "quiet" }, [kindWords(row.kind), row.exporter, row.by ? "carried" : null].filter(Boolean).join(" · "))),
      cell("state", stateChip(row.state), since === null ? null : h("span", { class: "quiet" }, `since ${time.short(since, now)}`),
        asked ? h("span", { class: "quiet" }, `release ${releaseWords(asked)}`) : null),
      cell("why", ...this.reasons(row, time)),
      cell("due", deadlineChip(row.deadline, time, now) ?? h("span", { class: "quiet" }, "none open")),
      cell("filed", row.lodged ? h("span", {}, "Filed ", timeOf(row.lodged, time, now)) : h("span", { class: "due due-missed" }, "Not filed")),
      cell("act", this.actions(row)));
    element.addEventListener("click", (event) => {
      if (!(event.target as Element).closest("a, button, summary") && !getSelection()?.toString()) location.hash = href;
    });
    return element;
  }

  private eta(row: BoardRow, time: PortTime, now: number): (Node | null)[] {
    const ms = instant(row.eta);
    const there = !["filed", "bound", "departing", "approaching"].includes(row.stage);
    if (there) return [h("b", {}, "Here")];
    const plan = instant(row.window_from);
    if (ms === null) return [plan === null ? null : h("span", { class: "planned" }, `planned ${time.short(plan, now)}`), h("span", { class: "quiet" }, row.stage === "approaching" ? "near the gate" : row.position ? "no estimate yet" : "not seen yet")];
    return [timeOf(row.eta, time, now), h("span", { class: "quiet", "data-eta": ms }, within(ms - now))];
  }

  private reasons(row: BoardRow, time: PortTime): (Node | null)[] {
    const told = row.reasons.map((reason) => {
      const text = localised(named(reason.text, (asset) => this.store.vinOf(asset)), time) || plain(reason.code);
      return h("span", { class: "row-reason", title: text }, text);
    });
    if (row.conflicts.length && !told.length) told.push(h("span", { class: "row-reason" }, row.conflicts.length === 1 ? "The codes differ" : `${row.conflicts.length} conflicts of the codes`));
    return told.length ? told : [h("span", { class: "quiet" }, isOpen(row) ? "nothing" : "–")];
  }

  private actions(row: BoardRow): Node | null {
    if (!this.store.officer || !isOpen(row)) return null;
    const which: Decision[] = troubled(row) ? ["settle", "inspect", "detain"] : ["release", "inspect", "detain"];
    const about = { id: row.case, vin: row.vin, chassis: row.chassis };
    const menu = h("details", { class: "row-menu" },
      h("summary", { class: "icon-button", "aria-label": `Decide about ${row.vin ?? "this vehicle"}`, title: "Decide", "data-at": "menu" }, icon("more")),
      h("div", { class: "row-menu-list" }, ...which.map((decision) => h("button", { type: "button", onclick: () => {
        menu.open = false;
        openDecision(this.requests, about, decision, this.decided);
      } }, `${DECISIONS[decision].word}…`))));
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary")?.focus();
    });
    menu.addEventListener("focusout", (event) => {
      if (!menu.contains(event.relatedTarget as Node | null)) menu.open = false;
    });
    return menu;
  }
}

function within(ms: number): string {
  if (Math.abs(ms) < 30_000) return "now";
  return ms > 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}
