/**
 * The gate board: who comes when, filed or not, conflicts first, what must be done by when. It follows the
 * events at once and asks again soon after, for what only the server knows (plates, ETA, positions).
 */

import { h } from "../dom.ts";
import { country } from "../format.ts";
import type { Store } from "../store.ts";
import { hashOf } from "../routes.ts";
import type { View } from "../views.ts";
import { BoardTable } from "./boardtable.ts";
import { applied, counts, matching, ordered, type BoardFilter } from "./boardrows.ts";
import { trouble } from "./chips.ts";
import { chosenTime, portSwitch } from "./portswitch.ts";
import type { Clearance } from "./requests.ts";
import type { BoardRow } from "./shapes.ts";
import { stateTone, stateWords, STATE_ORDER } from "./words.ts";

const AGAIN_MS = 1500;
const EVERY_MS = 15_000;

export class BoardView implements View {
  readonly title = "Gate board";
  readonly element = h("div", { class: "board" });
  private readonly gates = h("select", { id: "board-gate", "aria-label": "Gate", onchange: () => this.turn(this.gates.value) });
  private readonly ways = h("div", { class: "segments", role: "group", "aria-label": "Direction" });
  private readonly search = h("input", { type: "search", class: "board-search", placeholder: "VIN, chassis, plate, exporter", "aria-label": "Search the board", autocomplete: "off", spellcheck: "false" });
  private readonly chips = h("div", { class: "chips board-chips", role: "group", "aria-label": "States shown" });
  private readonly zone = h("div", {});
  private readonly note = h("p", { class: "board-note", role: "status" });
  private readonly table: BoardTable;
  private rows: readonly BoardRow[] = [];
  private filter: BoardFilter;
  private gate: string;
  private loaded = false;
  private closed = false;
  private due = 0;
  private readonly timer: number;
  private readonly off: (() => void)[];

  constructor(private readonly store: Store, private readonly requests: Clearance, query: Record<string, string>) {
    this.gate = query.gate ?? "";
    this.filter = { direction: query.direction ?? "", states: new Set((query.state ?? "").split(",").filter(Boolean)), text: query.q ?? "" };
    this.search.value = this.filter.text;
    this.table = new BoardTable(store, requests, (said) => {
      this.note.textContent = said;
      void this.load();
    });
    this.search.addEventListener("input", () => this.narrow({ text: this.search.value }));
    this.element.append(
      h("div", { class: "board-head" }, h("h2", { tabindex: "-1" }, "Gate board"), this.gates, this.ways, this.search, this.zone),
      this.chips, this.note, this.table.element);
    this.off = [
      store.on("gates", () => this.listGates()),
      store.on("events", () => this.follow()),
      store.on("identity", () => this.show()),
      store.on("positions", () => this.table.tick()),
    ];
    this.timer = window.setInterval(() => void this.load(), EVERY_MS);
    this.listGates();
  }

  close(): void {
    this.closed = true;
    window.clearInterval(this.timer);
    window.clearTimeout(this.due);
    this.table.close();
    for (const off of this.off) off();
  }

  private listGates(): void {
    const { gates, ownGates } = this.store;
    const mine = gates.filter(({ id }) => ownGates.length === 0 || ownGates.includes(id));
    if (!mine.length) return void (this.note.textContent = gates.length ? "This key is in charge of no gate here." : "Loading…");
    const known = [...this.gates.options].map(({ value }) => value).join();
    if (known !== mine.map(({ id }) => id).join()) this.gates.replaceChildren(...mine.map(({ id, name }) => h("option", { value: id }, name)));
    if (this.loaded && this.gate) return;
    this.turn(mine.some(({ id }) => id === this.gate) ? this.gate : mine[0]!.id);
  }

  /** Show another gate. */
  private turn(gate: string): void {
    this.gate = gate;
    this.gates.value = gate;
    this.loaded = false;
    this.rows = [];
    this.note.textContent = "Loading…";
    if (this.filter.direction && !this.directions().includes(this.filter.direction)) this.filter.direction = "";
    this.narrow({});
    void this.load();
  }

  private sides(): string[] {
    const gate = this.store.gates.find(({ id }) => id === this.gate);
    return gate ? [gate.a.country, gate.b.country] : [];
  }

  private directions(): string[] {
    const [a, b] = this.sides();
    return a && b ? [`${a}>${b}`, `${b}>${a}`] : [];
  }

  private narrow(change: Partial<BoardFilter>): void {
    this.filter = { ...this.filter, ...change };
    const { direction, states, text } = this.filter;
    const query = { gate: this.gate, direction, state: [...states].join(","), q: text };
    history.replaceState(null, "", hashOf({ view: "board", query }));
    this.show();
  }

  private async load(): Promise<void> {
    const { gate } = this;
    if (!gate) return;
    try {
      const rows = await this.requests.board(gate);
      if (this.closed || gate !== this.gate) return;
      this.rows = rows;
      if (!this.loaded || this.note.textContent?.startsWith("Could not")) this.note.textContent = "";
      this.loaded = true;
      this.show();
    } catch (error) {
      if (!this.closed && gate === this.gate) this.note.textContent = trouble("load the board", error);
    }
  }

  private follow(): void {
    const about = this.store.fresh.filter(({ kind }) => kind === "case" || kind === "release" || kind === "conflict");
    if (!about.length) return;
    const before = this.rows;
    for (const event of about) this.rows = applied(this.rows, event, this.gate);
    if (this.rows !== before) this.show();
    if (this.due) return;
    this.due = window.setTimeout(() => {
      this.due = 0;
      void this.load();
    }, AGAIN_MS);
  }

  private show(): void {
    const now = this.store.now();
    const sides = this.sides();
    this.zone.replaceChildren(portSwitch(this.gate, sides, now, () => this.show()));
    this.showWays();
    const inWay = matching(this.rows, { ...this.filter, states: new Set() });
    this.showChips(counts(inWay));
    const shown = ordered(matching(this.rows, this.filter));
    this.table.show(shown, chosenTime(this.gate, sides));
    this.table.say(!this.loaded ? "" : this.rows.length === 0 ? "Nobody is filed for this gate." : shown.length === 0 ? "Nothing matches these filters." : "");
  }

  private showWays(): void {
    const ways = ["", ...this.directions()];
    if (this.ways.childElementCount !== ways.length) {
      this.ways.replaceChildren(...ways.map((way) => {
        const [from, to] = way.split(">");
        return h("button", { type: "button", class: "segment", "data-way": way, onclick: () => this.narrow({ direction: way }) }, way ? `${country(from)} → ${country(to)}` : "Both ways");
      }));
    }
    for (const button of this.ways.children as Iterable<Element> & HTMLCollectionOf<HTMLElement>) button.setAttribute("aria-pressed", String(button.dataset.way === this.filter.direction));
  }

  private showChips(found: Map<string, number>): void {
    const names = [...STATE_ORDER, ...[...found.keys()].filter((state) => !STATE_ORDER.includes(state))];
    const states = names.filter((state) => found.has(state) || this.filter.states.has(state));
    const key = states.join();
    if (this.chips.dataset.states !== key) {
      this.chips.dataset.states = key;
      this.chips.replaceChildren(...states.map((state) =>
        h("button", { type: "button", class: `chip state-${stateTone(state)}`, "data-state": state, onclick: () => this.toggle(state) },
          h("span", { class: "state-mark", "aria-hidden": "true" }), h("b", {}, ""), h("span", {}, stateWords(state)))));
    }
    for (const chip of this.chips.children as Iterable<Element> & HTMLCollectionOf<HTMLElement>) {
      const state = chip.dataset.state!;
      chip.querySelector("b")!.textContent = String(found.get(state) ?? 0);
      chip.setAttribute("aria-pressed", String(this.filter.states.size === 0 || this.filter.states.has(state)));
    }
  }

  /** A press on a state shows it alone; more presses add others; the last one off shows all again. */
  private toggle(state: string): void {
    const states = new Set(this.filter.states);
    if (!states.delete(state)) states.add(state);
    this.narrow({ states });
  }
}
