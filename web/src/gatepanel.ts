/** One gate: who waits in which direction, the trucks in its zones, its recent crossings. */

import type { Api } from "./api.ts";
import { crossingCard, taken } from "./crossingview.ts";
import { h } from "./dom.ts";
import { country, duration, instant } from "./format.ts";
import type { Store } from "./store.ts";
import { section } from "./section.ts";
import type { Crossing, Gate } from "./types.ts";

const UNDER_WAY = ["approaching", "at_exit_port", "between", "at_entry_port"];

export class GatePanel {
  readonly element = h("div", { class: "detail-body" });
  private readonly title = h("h2", { tabindex: "-1" });
  private readonly figures = h("dl", { class: "figures figures-wide" });
  private readonly active = section("Under way");
  private readonly recent = section("Recent crossings");
  private closed = false;
  private due = 0;
  private readonly off: (() => void)[];

  constructor(private readonly store: Store, private readonly api: Api, readonly gate: string) {
    this.element.append(h("div", { class: "detail-title" }, this.title), this.figures, this.active.root, this.recent.root);
    this.off = [store.on("gates", () => this.show()), store.on("events", () => this.soon())];
    this.show();
    void this.load();
  }

  focus(): void {
    this.title.focus({ preventScroll: true });
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.due);
    for (const off of this.off) off();
  }

  private about(): Gate | undefined {
    return this.store.gates.find((gate) => gate.id === this.gate);
  }

  private show(): void {
    const gate = this.about();
    if (!gate) return;
    this.title.textContent = gate.name;
    this.figures.replaceChildren(
      ...Object.entries(gate.queue ?? {}).map(([direction, n]) => {
        const [from, to] = direction.split(">");
        return h("div", {}, h("dt", {}, `${country(from)} → ${country(to)}`), h("dd", {}, String(n), h("small", {}, n === 1 ? " truck waits" : " trucks wait")));
      }),
    );
  }

  private soon(): void {
    if (this.due) return;
    this.due = window.setTimeout(() => {
      this.due = 0;
      if (this.inUse()) this.soon();
      else void this.load();
    }, 1500);
  }

  /** Whether a pointer or the focus is in a list, which must not change under it. */
  private inUse(): boolean {
    return [this.active.root, this.recent.root].some((root) => root.matches(":hover") || root.contains(document.activeElement));
  }

  private async load(): Promise<void> {
    try {
      const crossings = await this.api.crossings({ gate: this.gate, limit: "100" });
      if (this.closed) return;
      const sorted = crossings.slice().sort((a, b) => lastTime(b) - lastTime(a));
      const under = sorted.filter((crossing) => UNDER_WAY.includes(crossing.state));
      const done = sorted.filter((crossing) => !UNDER_WAY.includes(crossing.state));
      if (under.length) this.active.set(...under.slice(0, 12).map((crossing) => this.card(crossing)));
      else this.active.say("No truck is on its way through.");
      if (done.length) this.recent.set(this.summary(done), ...done.slice(0, 20).map((crossing) => this.card(crossing)));
      else this.recent.say("No crossing so far.");
    } catch (error) {
      this.recent.say(`Could not load crossings: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private summary(done: Crossing[]): HTMLElement {
    const times = done.filter((crossing) => crossing.state === "completed").map(taken).filter((ms) => ms !== null).sort((a, b) => a - b);
    if (times.length === 0) return h("p", { class: "quiet" }, "");
    const middle = times[times.length >> 1]!;
    return h("p", { class: "summary" }, "Half of them took ", h("b", {}, duration(middle)), " or less; the published benchmark is 2.8 h.");
  }

  private card(crossing: Crossing): HTMLElement {
    const asset = crossing.asset ?? "";
    const name = h("button", { type: "button", class: "link", onclick: () => this.store.select({ kind: "truck", id: asset }) }, this.store.name(asset));
    return crossingCard(crossing, asset ? name : "Truck");
  }
}

function lastTime(crossing: Crossing): number {
  return Math.max(0, ...Object.values(crossing.stages).map((bracket) => instant(bracket?.estimate) ?? 0));
}
