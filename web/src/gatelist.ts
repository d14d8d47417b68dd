/** The gates with who waits in which direction. */

import { arrowKeys, h } from "./dom.ts";
import type { Store } from "./store.ts";
import type { Gate } from "./types.ts";

/** All trucks that wait at a gate. */
export function waiting(gate: Gate): number {
  return Object.values(gate.queue ?? {}).reduce((sum, n) => sum + n, 0);
}

export function queuePills(gate: Gate): HTMLElement {
  const pills = Object.entries(gate.queue ?? {}).map(([direction, n]) =>
    h("span", { class: `queue ${n ? "queue-some" : ""}`, title: `${n} waiting ${direction.replace(">", " to ")}` },
      h("span", { class: "queue-way" }, direction.replace(">", " → ")), h("b", {}, String(n))),
  );
  return h("span", { class: "queues" }, ...pills);
}

export class GateList {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "gates" });

  constructor(private readonly store: Store) {
    this.element = h("section", { class: "section", "aria-label": "Gates" },
      h("div", { class: "section-head" }, h("h2", {}, "Gates"), h("span", { class: "quiet" }, "trucks waiting")), this.list);
    arrowKeys(this.list, "button.gate");
    store.on("gates", () => this.render());
    store.on("selection", () => this.mark());
    this.render();
  }

  private render(): void {
    const focused = (document.activeElement as HTMLElement | null)?.dataset.gate;
    const sorted = this.store.gates.map((gate, i) => ({ gate, i })).sort((a, b) => waiting(b.gate) - waiting(a.gate) || a.i - b.i);
    this.list.replaceChildren(...sorted.map(({ gate }) => this.row(gate)));
    this.mark();
    if (focused) this.list.querySelector<HTMLElement>(`[data-gate="${CSS.escape(focused)}"]`)?.focus();
  }

  private row(gate: Gate): HTMLElement {
    const press = () => this.store.select({ kind: "gate", id: gate.id });
    return h("li", {},
      h("button", { type: "button", class: `gate ${waiting(gate) ? "" : "gate-quiet"}`, "data-gate": gate.id, onclick: press },
        h("span", { class: "gate-name" }, gate.name), queuePills(gate)));
  }

  private mark(): void {
    const { selection } = this.store;
    for (const button of this.list.querySelectorAll<HTMLElement>("button.gate")) {
      const on = selection?.kind === "gate" && selection.id === button.dataset.gate;
      button.setAttribute("aria-current", String(on));
    }
  }
}
