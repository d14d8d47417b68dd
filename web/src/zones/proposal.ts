/** Zones that are not published yet: what a check finds in them, what they would have changed, and publishing them. */

import { type Api, ApiError } from "../api.ts";
import { h, icon } from "../dom.ts";
import { number } from "../format.ts";
import type { CorridorMap } from "../map.ts";
import type { Store } from "../store.ts";
import type { DryRun, Finding, TrialChange } from "../types.ts";
import { spotOf } from "./feature.ts";
import { trialRow } from "./trial.ts";

const SHOWN = 60;
const OPEN = 8;
const DAYS = 7;
const MOST_DAYS = 31;
const WORDS: Record<"added" | "removed" | "moved", [one: string, none: string]> = {
  added: ["Would be new", "Nothing new."],
  removed: ["Would be gone", "Nothing gone."],
  moved: ["Would be different", "Nothing different."],
};

export interface ProposalTools {
  api: Api;
  store: Store;
  map: CorridorMap;
  /** Published or retired: what is shown elsewhere is old now. */
  done: (said: string) => void;
}

/** `features` gives the zones as they are when a button is pressed, or a sentence why they can't be sent. */
export class Proposal {
  readonly element: HTMLElement;
  private readonly days = h("input", { type: "number", min: 1, max: MOST_DAYS, value: DAYS, "aria-label": "Days" });
  private readonly from = h("input", { type: "datetime-local", step: 1 });
  private readonly output = h("div", { class: "proposal-output", role: "status" });
  private readonly buttons: HTMLButtonElement[];

  constructor(private readonly tools: ProposalTools, private readonly features: () => GeoJSON.Feature[] | string, private readonly retired: string | null = null) {
    const attempt = h("button", { type: "button", class: "secondary", onclick: () => void this.attempt(false) }, "Try");
    const publish = h("button", { type: "button", class: "primary", onclick: () => void this.publish() }, "Publish");
    this.buttons = [attempt, publish];
    this.element = h("div", { class: "proposal" },
      h("label", { class: "field" }, h("span", {}, "Valid from"), this.from, h("small", {}, "empty: now")),
      h("div", { class: "proposal-row" }, attempt, h("span", {}, "on the last"), this.days, h("span", {}, "days")),
      h("div", { class: "proposal-row" }, publish, retired ? this.retireButton(retired) : null),
      this.output);
  }

  /** Show what a check said of these zones. */
  findings(found: readonly Finding[], features: readonly GeoJSON.Feature[]): void {
    this.output.replaceChildren(found.length
      ? h("ul", { class: "findings", "aria-label": "Findings" }, ...found.map((finding) => this.finding(finding, features)))
      : h("p", { class: "good" }, "The check found nothing wrong."));
  }

  say(text: string, tone = "quiet"): void {
    this.output.replaceChildren(h("p", { class: tone }, text));
  }

  private async attempt(retire: boolean): Promise<void> {
    const features = retire ? [] : this.features();
    if (typeof features === "string") return this.say(features, "bad");
    const days = Math.min(MOST_DAYS, Math.max(1, Math.round(Number(this.days.value)) || DAYS));
    await this.busy(`Trying on the last ${days} days…`, async () => {
      const answer = await this.tools.api.tryZones(features, retire && this.retired ? [this.retired] : [], days);
      this.output.replaceChildren(...this.trial(answer, days));
    });
  }

  /** Zones that had to be repaired are shown first; a second press publishes what the repair made of them. */
  private async publish(): Promise<void> {
    const features = this.features();
    if (typeof features === "string") return this.say(features, "bad");
    await this.busy("Checking…", async () => {
      const { zones, findings } = await this.tools.api.checkZones(features);
      const sound = !findings.some(({ severity }) => severity !== "warning");
      if (sound && zones.length) return this.send(zones);
      this.findings(findings, features);
      if (findings.some(({ severity }) => severity === "error") || !zones.length) return;
      const anyway = h("button", { type: "button", class: "primary", onclick: () => void this.busy("Publishing…", () => this.send(zones)) }, "Publish the repaired form");
      this.output.append(anyway);
      this.tools.map.set("draft", { type: "FeatureCollection", features: zones });
      anyway.focus();
    });
  }

  private async send(zones: GeoJSON.Feature[]): Promise<void> {
    const from = this.from.value ? new Date(this.from.value).getTime() : Date.now();
    await this.tools.api.publishZones(zones, from);
    this.tools.done(zones.length === 1 ? "The zone is published." : `${zones.length} zones are published.`);
  }

  private retireButton(id: string): HTMLElement {
    const ask = h("button", { type: "button", class: "danger" }, icon("trash"), "Retire");
    this.buttons.push(ask);
    ask.addEventListener("click", () => {
      const retire = h("button", { type: "button", class: "danger", onclick: () => void this.busy("Retiring…", async () => {
        await this.tools.api.retireZone(id);
        this.tools.done("The zone is retired.");
      }) }, "Retire it");
      this.output.replaceChildren(h("div", { class: "proposal-row", role: "group", "aria-label": "Retire the zone?" },
        h("span", {}, "No more visits to it?"), retire,
        h("button", { type: "button", class: "secondary", onclick: () => void this.attempt(true) }, "Try it"),
        h("button", { type: "button", class: "secondary", onclick: () => this.output.replaceChildren() }, "Keep")));
      retire.focus();
    });
    return ask;
  }

  private async busy(text: string, work: () => Promise<void>): Promise<void> {
    this.say(text);
    for (const button of this.buttons) button.disabled = true;
    try {
      await work();
    } catch (error) {
      this.failed(error);
    } finally {
      for (const button of this.buttons) button.disabled = false;
    }
  }

  private failed(error: unknown): void {
    const problem = error instanceof ApiError ? error.problem : {};
    const features = this.features();
    if (Array.isArray(problem.findings) && problem.findings.length) this.findings(problem.findings as Finding[], typeof features === "string" ? [] : features);
    else this.say(error instanceof Error ? error.message : String(error), "bad");
  }

  private finding(finding: Finding, features: readonly GeoJSON.Feature[]): HTMLElement {
    const spot = spotOf(features, finding);
    return h("li", { class: `finding finding-${finding.severity}` },
      h("b", {}, finding.severity), ` ${finding.message} `,
      spot ? h("button", { type: "button", class: "link", onclick: () => this.tools.map.go(spot[0], spot[1], 17) }, icon("target"), "show") : null);
  }

  private trial(answer: DryRun, days: number): HTMLElement[] {
    const read = `${number(answer.assets)} trucks, ${number(answer.samples)} samples`;
    const parts = (["added", "removed", "moved"] as const).map((name) => this.trialPart(name, answer[name]));
    return [h("p", { class: "quiet" }, `Tried on ${days} days: ${read}. Nothing was changed.`), ...parts];
  }

  private trialPart(name: "added" | "removed" | "moved", changes: readonly TrialChange[]): HTMLElement {
    const [title, none] = WORDS[name];
    if (!changes.length) return h("p", { class: "trial-none" }, none);
    const { store } = this.tools;
    const rows = changes.slice(0, SHOWN).map(trialRow).map(({ asset, text }) => h("li", {},
      h("button", { type: "button", class: "link", onclick: () => store.select({ kind: "truck", id: asset }) }, store.name(asset)), ` ${text}`));
    return h("details", { class: "trial", open: changes.length <= OPEN },
      h("summary", {}, `${title}: `, h("b", {}, number(changes.length))),
      h("ul", {}, ...rows),
      changes.length > SHOWN ? h("p", { class: "quiet" }, `and ${number(changes.length - SHOWN)} more`) : null);
  }
}
