/**
 * One case: how far it is and how long it took, what stands in its way, both codes character by character,
 * the evidence on a map, the papers, and every step with its cause, evidence, rule and regime version.
 */

import { h, icon } from "../dom.ts";
import { country, instant } from "../format.ts";
import { hashOf } from "../routes.ts";
import { revisionsView } from "../revisions.ts";
import { section } from "../section.ts";
import type { Store } from "../store.ts";
import type { Crossing } from "../types.ts";
import type { View } from "../views.ts";
import { stateChip, trouble } from "./chips.ts";
import { conflictView } from "./codes.ts";
import { decisionButtons } from "./decide.ts";
import type { EvidenceMap } from "./evidencemap.ts";
import { explanationView } from "./explanation.ts";
import { couplingView, deadlinesView, documentsView, filingView, permitView, releaseView } from "./papers.ts";
import { chosenTime, portSwitch } from "./portswitch.ts";
import { ends, localised, type PortTime } from "./porttime.ts";
import type { Clearance } from "./requests.ts";
import type { Case, Conflict, Coupling, ExplainRevision, Filing, Permit, Release } from "./shapes.ts";
import { clocksView, stageLine } from "./stageline.ts";
import { isOpen, kindWords, named, plain, sourceWords, type Decision } from "./words.ts";

const AGAIN_MS = 400;
const TICK_MS = 10_000;

/** What belongs to a case, as far as the key may read it. */
interface Around {
  filing: Filing | null;
  permit: Permit | null;
  release: Release | null;
  conflicts: Conflict[];
  crossing: Crossing | null;
  coupling: Coupling | null;
  explained: ExplainRevision[] | Error;
}

export class CaseView implements View {
  readonly title = "Case";
  readonly element = h("div", { class: "case" });
  private readonly head = h("div", { class: "case-head" });
  private readonly stages = section("Stages");
  private readonly conflicts = section("Codes that differ");
  private readonly explained = section("Why: every step with its cause");
  private readonly history = section("History of revisions");
  private readonly evidence = section("Evidence");
  private readonly documents = section("Documents");
  private readonly filing = section("Filing");
  private readonly permit = section("Permit");
  private readonly release = section("Release");
  private readonly note = h("p", { class: "board-note", role: "status" });
  private about: Case | null = null;
  private around: Around | null = null;
  private closed = false;
  private due = 0;
  private readonly timer: number;
  private readonly off: (() => void)[];

  constructor(private readonly store: Store, private readonly requests: Clearance, private readonly map: EvidenceMap, private readonly id: string) {
    this.element.append(
      h("a", { class: "link case-back", href: "#board" }, icon("back"), "Gate board"),
      this.head, this.note,
      h("div", { class: "case-columns" },
        h("div", { class: "case-main" }, this.stages.root, this.conflicts.root, this.explained.root, this.history.root),
        h("div", { class: "case-side" }, this.evidence.root, this.release.root, this.documents.root, this.permit.root, this.filing.root)));
    this.conflicts.root.hidden = true;
    this.off = [store.on("events", () => this.follow()), store.on("identity", () => this.show()), store.on("gates", () => this.showHead())];
    this.timer = window.setInterval(() => this.showStages(), TICK_MS);
    this.head.append(h("h2", { tabindex: "-1" }, "Case"));
    void this.load();
  }

  close(): void {
    this.closed = true;
    window.clearInterval(this.timer);
    window.clearTimeout(this.due);
    this.map.clear();
    for (const off of this.off) off();
  }

  private follow(): void {
    const own = new Set([this.id, this.about?.filing, this.about?.permit, this.about?.release, this.about?.crossing, ...(this.about?.conflicts ?? [])]);
    const about = this.store.fresh.some((event) => own.has(event.id) || (event.asset === this.about?.asset && ["conflict", "release", "permit"].includes(event.kind)));
    if (!about || this.due) return;
    this.due = window.setTimeout(() => {
      this.due = 0;
      void this.load();
    }, AGAIN_MS);
  }

  private async load(): Promise<void> {
    try {
      const about = await this.requests.case(this.id);
      const around = await this.read(about);
      if (this.closed) return;
      this.about = about;
      this.around = around;
      if (this.note.textContent?.startsWith("Could not")) this.note.textContent = "";
      this.show();
    } catch (error) {
      if (!this.closed) this.note.textContent = trouble("load the case", error);
    }
  }

  private async read(about: Case): Promise<Around> {
    const { requests } = this;
    const by = about.by && typeof about.by === "object" ? about.by : null;
    const [filing, permit, release, crossing, coupling, conflicts, explained] = await Promise.all([
      requests.object<Filing>(about.filing),
      requests.object<Permit>(about.permit),
      requests.object<Release>(about.release),
      requests.object<Crossing>(about.crossing),
      requests.object<Coupling>(by?.coupling),
      this.readConflicts(about),
      requests.explain(this.id).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error)))),
    ]);
    return { filing, permit, release, crossing, coupling, conflicts, explained };
  }

  private async readConflicts(about: Case): Promise<Conflict[]> {
    const found = await Promise.all((about.conflicts ?? []).map((id) => this.requests.object<Conflict>(id)));
    return found.filter((one) => one !== null);
  }

  private time(): PortTime {
    return chosenTime(this.about?.gate ?? null, ends(this.about?.direction));
  }

  private show(): void {
    const { about, around } = this;
    if (!about || !around) return;
    const time = this.time();
    const now = this.store.now();
    this.showHead();
    this.showStages();
    this.conflicts.root.hidden = around.conflicts.length === 0;
    this.conflicts.set(...around.conflicts.map((conflict) => conflictView(conflict, time, (asset) => this.store.vinOf(asset))));
    if (around.explained instanceof Error) this.explained.say(trouble("load the explanation", around.explained));
    else this.explained.set(explanationView(around.explained, time, (asset) => this.store.vinOf(asset)));
    const open = this.history.root.querySelector("details")?.open ?? false;
    const history = revisionsView(this.requests.api, this.id, about.revision ?? 1);
    history.toggleAttribute("open", open);
    this.history.set(history);
    this.release.set(...releaseView(about, around.release, time));
    this.documents.set(...documentsView(about, around.filing, time), ...some(deadlinesView(about, time, now)));
    this.permit.set(...permitView(around.permit, time));
    this.filing.set(...filingView(about, around.filing, time));
    this.showEvidence(about, around, time);
  }

  private showHead(): void {
    const { about } = this;
    if (!about) return;
    const time = this.time();
    const now = this.store.now();
    const gate = this.store.gates.find(({ id }) => id === about.gate);
    const [from, to] = ends(about.direction);
    const eta = instant(about.eta);
    const coming = eta !== null && ["filed", "bound", "departing", "approaching"].includes(about.stage);
    const title = h("h2", { tabindex: "-1" }, h("code", {}, about.vin ?? "VIN unknown"));
    const focused = this.head.contains(document.activeElement) && document.activeElement?.matches("h2");
    this.head.replaceChildren(
      h("div", { class: "case-title" }, title, stateChip(about.state)),
      h("p", { class: "case-codes" }, "Chassis ", about.chassis ? h("code", {}, about.chassis) : "not given", ` · ${kindWords(about.asset_kind)} · ${about.exporter ?? "exporter not named"} · ${gate?.name ?? about.gate}, ${country(from)} → ${country(to)}`),
      ...some(coming && eta !== null ? h("p", { class: "case-eta" }, `Arrives about ${time.short(eta, now)}`) : null),
      ...some(about.reasons?.length ? h("ul", { class: "case-reasons", "aria-label": "What stands in the way" },
        ...about.reasons.map(({ text, code, source }) => h("li", { class: "row-reason" }, localised(named(text, (asset) => this.store.vinOf(asset)), time) || plain(code), source ? h("small", {}, ` from ${sourceWords(source)}`) : null))) : null),
      ...some(this.actions(about)),
      h("div", { class: "case-links" },
        portSwitch(about.gate, [from, to], now, () => this.show()),
        h("a", { class: "link", href: hashOf({ view: "map" }), onclick: () => this.store.select({ kind: "truck", id: this.shownAsset(about) }) }, icon("target"), "Show on the live map")));
    if (focused) title.focus({ preventScroll: true });
  }

  private actions(about: Case): HTMLElement | null {
    if (!this.store.officer || !isOpen(about)) return null;
    const differs = about.state === "manual_verification" || Boolean(about.conflicts?.length);
    const which: Decision[] = [...(differs ? (["settle"] as const) : []), "release", "inspect", "detain"];
    const seen = { vin: this.claimed("vin"), chassis: this.claimed("chassis") };
    return decisionButtons(this.requests, { id: this.id, vin: about.vin, chassis: about.chassis, seen }, which, (said) => {
      this.note.textContent = `${said}.`;
      void this.load();
    });
  }

  /** What conflicts told of one of the codes. */
  private claimed(what: "vin" | "chassis"): string[] {
    return (this.around?.conflicts ?? []).filter((one) => one.what === what).flatMap(({ got, want }) => [got, want]).filter((one) => one !== null);
  }

  private shownAsset(about: Case): string {
    const by = about.by;
    return (by && typeof by === "object" ? by.asset : by) || about.asset || "";
  }

  private showStages(): void {
    if (this.about) this.stages.set(stageLine(this.about, this.time()), clocksView(this.about, this.store.now()));
  }

  private showEvidence(about: Case, around: Around, time: PortTime): void {
    const carried = this.shownAsset(about) !== about.asset && around.coupling ? couplingView(around.coupling, this.store.name(this.shownAsset(about)), time) : null;
    if (!around.crossing) return this.evidence.set(...some(carried), h("p", { class: "empty" }, "No crossing has been seen yet."));
    if (!this.map.element.isConnected || !this.evidence.root.contains(this.map.element)) this.evidence.set(this.map.element);
    const list = this.map.show(around.crossing, this.shownAsset(about), time);
    this.evidence.set(this.map.element, ...some(carried), ...some(list));
  }
}

const some = (element: HTMLElement | null): HTMLElement[] => (element ? [element] : []);
