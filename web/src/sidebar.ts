/** The overview: product and connection, search, states as filters, and the lists. A bottom sheet on phones. */

import { h, icon } from "./dom.ts";
import { EventList } from "./eventlist.ts";
import { number, STATE_NAMES } from "./format.ts";
import { GateList } from "./gatelist.ts";
import { STATES } from "./motion.ts";
import type { Store } from "./store.ts";
import { connection } from "./connection.ts";
import { themeButton, type Theme } from "./theme.ts";
import { TruckList } from "./trucklist.ts";
import { viewLinks } from "./views.ts";

const TABS = ["live", "trucks", "zones"] as const;
type Tab = (typeof TABS)[number];

const TAB_NAMES: Record<Tab, string> = { live: "Live", trucks: "Trucks", zones: "Zones" };

export class Sidebar {
  private readonly trucks: TruckList;
  private readonly tabs: HTMLButtonElement[];
  private readonly panels: Record<Tab, HTMLElement>;
  private readonly box = h("input", {
    type: "search", id: "search", placeholder: "Search by name or VIN", "aria-label": "Search trucks by name or VIN",
    autocomplete: "off", spellcheck: "false",
  });

  constructor(private readonly root: HTMLElement, private readonly store: Store, theme: Theme, retry: () => void) {
    this.trucks = new TruckList(store);
    const live = h("div", { id: "panel-live", role: "tabpanel", "aria-labelledby": "tab-live" }, new GateList(store).element, new EventList(store).element);
    const trucks = h("div", { id: "panel-trucks", role: "tabpanel", "aria-labelledby": "tab-trucks", hidden: true }, this.trucks.element);
    const zones = h("div", { id: "panel-zones", role: "tabpanel", "aria-labelledby": "tab-zones", hidden: true });
    this.panels = { live, trucks, zones };
    this.tabs = TABS.map((tab) => this.tab(tab));
    root.append(
      this.handle(),
      h("header", { class: "brand" },
        h("img", { src: "icon.svg", alt: "", width: 26, height: 26 }), h("h1", {}, "Corridor"), connection(store, retry), themeButton(theme)),
      viewLinks(store),
      h("div", { class: "search" }, icon("search"), this.box),
      this.chips(),
      h("div", { class: "tabs", role: "tablist", "aria-label": "Lists" }, ...this.tabs),
      h("div", { class: "panels" }, live, trucks, zones),
    );
    this.listen();
  }

  /** Give the third list its content; its tab is there only for keys that may change zones. */
  addZones(panel: HTMLElement): void {
    this.panels.zones.replaceChildren(panel);
    const tab = this.tabs[TABS.indexOf("zones")]!;
    this.store.on("identity", () => (tab.hidden = !this.store.admin));
  }

  focusSearch(): void {
    this.box.focus();
    this.box.select();
  }

  private listen(): void {
    this.box.addEventListener("input", () => {
      this.trucks.search(this.box.value);
      this.open(this.box.value ? "trucks" : this.current());
    });
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        this.trucks.pick((asset) => this.store.select({ kind: "truck", id: asset }));
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        this.root.querySelector<HTMLElement>("button.truck")?.focus();
      } else if (event.key === "Escape" && this.box.value) {
        event.stopPropagation();
        this.box.value = "";
        this.trucks.search("");
        this.open("live");
      }
    });
    this.box.addEventListener("focus", () => {
      if (this.root.dataset.sheet === "peek") this.root.dataset.sheet = "half";
      this.trucks.show(true);
    });
  }

  private current(): Tab {
    return TABS.find((tab) => !this.panels[tab].hidden) ?? "live";
  }

  open(tab: Tab): void {
    TABS.forEach((name, i) => {
      const on = name === tab;
      this.panels[name].hidden = !on;
      this.tabs[i]!.setAttribute("aria-selected", String(on));
      this.tabs[i]!.tabIndex = on ? 0 : -1;
    });
    this.trucks.show(tab === "trucks");
    if (this.root.dataset.sheet === "peek") this.root.dataset.sheet = "half";
  }

  private tab(name: Tab): HTMLButtonElement {
    const button = h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
      "aria-selected": String(name === "live"), tabindex: name === "live" ? 0 : -1, hidden: name === "zones", onclick: () => this.open(name),
    }, TAB_NAMES[name]);
    button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const there = TABS.filter((_, i) => !this.tabs[i]!.hidden);
      const other = there[(there.indexOf(name) + (event.key === "ArrowRight" ? 1 : there.length - 1)) % there.length]!;
      this.open(other);
      this.tabs[TABS.indexOf(other)]!.focus();
    });
    if (name === "trucks") {
      const count = h("span", { class: "count" });
      button.append(count);
      this.store.on("positions", () => (count.textContent = number(this.store.motion.size)));
    }
    return button;
  }

  private chips(): HTMLElement {
    const counts = STATES.map(() => h("b", {}, "0"));
    const buttons = STATES.map((state, i) =>
      h("button", { type: "button", class: "chip", "aria-pressed": "true", title: `Show or hide: ${STATE_NAMES[state]}`, onclick: () => this.store.toggle(state) },
        h("span", { class: `mark mark-${state}`, "aria-hidden": "true" }), counts[i]!, h("span", {}, STATE_NAMES[state]!)));
    this.store.on("positions", () => {
      this.store.motion.counts().forEach((n, i) => {
        const text = number(n);
        if (counts[i]!.textContent !== text) counts[i]!.textContent = text;
      });
    });
    this.store.on("filter", () => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(!this.store.hidden.has(STATES[i]!)))));
    return h("div", { class: "chips", role: "group", "aria-label": "Truck states shown" }, ...buttons);
  }

  /** The sheet's grip on phones: a press steps through its heights, a drag sets the nearest. */
  private handle(): HTMLElement {
    const heights = ["peek", "half", "full"];
    this.root.dataset.sheet = "peek";
    const grip = h("button", { type: "button", class: "grip", "aria-label": "Panel height" }, h("span", {}));
    let from: number | null = null;
    const step = (by: number) => {
      const at = heights.indexOf(this.root.dataset.sheet ?? "peek") + by;
      this.root.dataset.sheet = heights[Math.max(0, Math.min(heights.length - 1, at))]!;
    };
    grip.addEventListener("click", (event) => {
      if (event.detail === 0 || from === null) this.root.dataset.sheet = heights[(heights.indexOf(this.root.dataset.sheet ?? "peek") + 1) % heights.length]!;
      from = null;
    });
    grip.addEventListener("pointerdown", (event) => {
      from = null;
      const start = event.clientY;
      const up = (end: PointerEvent) => {
        window.removeEventListener("pointerup", up);
        const far = start - end.clientY;
        if (Math.abs(far) < 24) return;
        from = start;
        step(far > 0 ? (far > 220 ? 2 : 1) : far < -220 ? -2 : -1);
      };
      window.addEventListener("pointerup", up);
    });
    return grip;
  }
}
