/** What is known of one truck: who it is, what it does now, its day, its signals, and what it passed through. */

import type { Api } from "./api.ts";
import { chartCard } from "./charts.ts";
import { TruckCases } from "./clearance/truckcases.ts";
import { DayTrack } from "./daytrack.ts";
import { h, icon } from "./dom.ts";
import { ago, clock, country, heading, number, place, STATE_NAMES } from "./format.ts";
import type { CorridorMap } from "./map.ts";
import { Passages } from "./passages.ts";
import { section } from "./section.ts";
import type { Store } from "./store.ts";
import type { Asset } from "./types.ts";

const DAY_MS = 86_400_000;
const AHEAD_MS = 60_000;
const FRESH_MS = 15_000;
const FOLLOW_MS = 1200;
const RECENT = 200;

/** `factor` turns the API's unit into the one shown. */
const SIGNALS: [name: string, label: string, unit: string, decimals: number, factor?: number][] = [
  ["speed_kmh", "Speed", "km/h", 0],
  ["engine_rpm", "Engine", "rpm", 0],
  ["fuel_level_pct", "Fuel", "%", 1],
  ["coolant_c", "Coolant", "°C", 0],
  ["axle_load_kg", "Axle load", "kg", 0],
  ["battery_v", "Battery", "V", 1],
  ["ambient_c", "Outside", "°C", 0],
  ["odometer_m", "Odometer", "km", 0, 0.001],
];

export class TruckPanel {
  readonly element = h("div", { class: "detail-body" });
  private readonly now = h("dl", { class: "figures" });
  private readonly identity = h("dl", { class: "identity" });
  private readonly badge = h("span", { class: "badge" });
  private readonly title = h("h2", { tabindex: "-1" });
  private readonly day = section("Day");
  private readonly signals = section("Signals");
  private readonly passages: Passages;
  private readonly cases: TruckCases;
  private track: DayTrack | null = null;
  private closed = false;
  private readonly off: (() => void)[];
  private readonly clock: number;
  private due = 0;
  private heard = "";
  /** The panel was opened before the truck's place came, and so asked for the day of another time. */
  private early = false;

  constructor(private readonly store: Store, private readonly api: Api, private readonly map: CorridorMap, readonly asset: string) {
    this.passages = new Passages(api, map, asset, store.fleet);
    this.cases = new TruckCases(api, asset);
    this.element.append(h("div", { class: "detail-title" }, this.title, this.badge), this.identity, this.now, this.cases.root,
      this.day.root, this.signals.root, ...this.passages.roots);
    this.showNow();
    this.off = [
      store.on("positions", () => this.placed()),
      store.on("info", () => this.showNow()),
      store.on("events", () => this.followEvents()),
    ];
    this.clock = window.setInterval(() => {
      if (!store.fleet) return;
      void this.loadSignals();
      if (this.track?.atRest && !this.day.root.matches(":hover, :focus-within")) void this.loadDay();
    }, FRESH_MS);
    void this.loadIdentity();
    this.early = this.row() < 0;
    if (store.fleet) {
      void this.loadDay();
      void this.loadSignals();
    }
    for (const part of [this.day, this.signals]) part.root.hidden = !store.fleet;
    void this.passages.load();
    void this.cases.load();
  }

  focus(): void {
    this.title.focus({ preventScroll: true });
  }

  close(): void {
    this.closed = true;
    window.clearInterval(this.clock);
    window.clearTimeout(this.due);
    this.track?.close();
    this.passages.close();
    for (const off of this.off) off();
  }

  private row(): number {
    return this.store.motion.index.get(this.asset) ?? -1;
  }

  private lastTime(): number {
    const i = this.row();
    return i < 0 ? Date.now() : this.store.motion.t[i]!;
  }

  private placed(): void {
    this.showNow();
    if (!this.early || this.row() < 0) return;
    this.early = false;
    if (!this.store.fleet) return;
    void this.loadDay();
    void this.loadSignals();
  }

  private showNow(): void {
    this.title.textContent = this.store.name(this.asset);
    const i = this.row();
    const { motion } = this.store;
    if (i < 0) return void this.now.replaceChildren(...figure("Position", "never reported", ""));
    const state = motion.stateOf(i);
    this.badge.className = `badge badge-${state}`;
    this.badge.textContent = STATE_NAMES[state]!;
    const t = motion.t[i]!;
    const behind = this.store.newest - t;
    this.now.replaceChildren(
      ...figure("Speed", number(motion.speed[i]), "km/h"),
      ...figure("Heading", heading(motion.heading[i]), ""),
      ...figure("Country", country(motion.country[i]), ""),
      ...figure("Last fix", clock(t), behind > 60_000 ? ago(behind) : ""),
    );
    this.now.title = place(motion.toLon[i]!, motion.toLat[i]!);
  }

  private async loadIdentity(): Promise<void> {
    const asset = this.store.fleet ? await this.api.asset(this.asset).catch(() => null) : null;
    if (this.closed) return;
    const info = this.store.info.get(this.asset);
    const vin = asset?.vin ?? info?.vin ?? null;
    this.identity.replaceChildren(
      ...pair("VIN", vin ? copyable(vin) : "unknown"),
      ...pair("Chassis", asset?.chassis ?? null),
      ...pair("Plates", plates(asset)),
      ...pair("Vehicle", vehicle(asset)),
      ...pair("Fleet", asset?.fleet ?? info?.fleet ?? null),
      ...pair("Device", info?.device ?? null),
    );
  }

  private async loadDay(): Promise<void> {
    const to = this.lastTime() + AHEAD_MS;
    try {
      const track = await this.api.track(this.asset, to - DAY_MS, to, 1500);
      if (this.closed) return;
      if (track.t.length < 2) return this.day.say("No track in the last 24 hours.");
      this.track?.close();
      this.track = new DayTrack(this.map, track);
      const whole = h("button", { type: "button", class: "link", onclick: () => this.track?.fit() }, icon("fit"), "Whole track");
      this.day.set(this.track.element);
      this.day.head.querySelector(".link")?.remove();
      this.day.head.append(whole);
    } catch (error) {
      this.day.say(wrong("track", error));
    }
  }

  private async loadSignals(): Promise<void> {
    const to = this.lastTime() + AHEAD_MS;
    try {
      const signals = await this.api.signals(this.asset, SIGNALS.map(([name]) => name), to - DAY_MS, to, 240);
      if (this.closed) return;
      const cards = SIGNALS.map(([name, label, unit, decimals, factor = 1]) => {
        const values = (signals.values[name] ?? []).map((value) => (value === null ? null : value * factor));
        return chartCard(label, unit, decimals, signals.t, values);
      });
      const known = cards.filter((card) => card !== null);
      if (known.length === 0) return this.signals.say("This truck has sent no signals.");
      if (!this.signals.root.matches(":hover")) this.signals.set(h("div", { class: "charts" }, ...known));
    } catch (error) {
      this.signals.say(wrong("signals", error));
    }
  }

  /** Ask for the lists again soon after the newest event of this truck. */
  private followEvents(): void {
    const newest = this.store.log.items.slice(0, RECENT).find((event) => event.asset === this.asset);
    if (!newest || `${newest.id}#${newest.revision}` === this.heard) return;
    this.heard = `${newest.id}#${newest.revision}`;
    if (this.due) return;
    this.due = window.setTimeout(() => {
      this.due = 0;
      void this.passages.load();
      void this.cases.load();
    }, FOLLOW_MS);
  }
}

/** Plates, each of them a text or with its country. */
function plates(asset: Asset | null): string | null {
  const told = (asset?.plates ?? []).map((one) => (typeof one === "string" ? one : `${one.plate} (${one.country})`));
  return told.length ? told.join(", ") : null;
}

function vehicle(asset: Asset | null): string | null {
  return [asset?.maker, asset?.kind?.replace("_", " ")].filter(Boolean).join(" ") || null;
}

function wrong(what: string, error: unknown): string {
  return `Could not load ${what}: ${error instanceof Error ? error.message : String(error)}`;
}

function figure(label: string, value: string, unit: string): HTMLElement[] {
  return [h("div", {}, h("dt", {}, label), h("dd", {}, value, unit ? h("small", {}, ` ${unit}`) : null))];
}

function pair(label: string, value: string | Node | null): HTMLElement[] {
  return value ? [h("dt", {}, label), h("dd", {}, value)] : [];
}

function copyable(text: string): HTMLElement {
  const button = h("button", { type: "button", class: "copy", title: "Copy", "aria-label": `Copy VIN ${text}` }, h("code", {}, text), icon("copy"));
  button.addEventListener("click", () => {
    void navigator.clipboard?.writeText(text).then(() => {
      button.classList.add("copied");
      window.setTimeout(() => button.classList.remove("copied"), 1200);
    });
  });
  return button;
}
