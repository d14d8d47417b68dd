/** Zones that are not published yet: what a check finds in them, what they would have changed, and publishing them. */

import { type Api, ApiError } from "../api.ts";
import { h, icon } from "../dom.ts";
import { number } from "../format.ts";
import type { CorridorMap } from "../map.ts";
import type { Store } from "../store.ts";
import type { DryRun, Finding } from "../types.ts";
import { findingPlace, trialPart, type TrialPart } from "./trial.ts";

const SHOWN = 60;
const DAYS = 7;
const WORDS: Record<"added" | "removed" | "moved", [one: string, none: string]> = {
  added: ["Would be new", "Nothing new."],
  removed: ["Would be gone", "Nothing gone."],
  moved: ["Would have other times", "No other times."],
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
  private readonly days = h("input", { type: "number", min: 1, max: 365, value: DAYS, "aria-label": "Days" });
  private readonly from = h("input", { type: "datetime-local", step: 1, "aria-label": "Valid from" });
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

  /** Show what a check found; true when nothing of it is an error. */
  findings(found: readonly Finding[]): boolean {
    const wrong = found.some(({ severity }) => severity === "error");
    this.output.replaceChildren(found.length
      ? h("ul", { class: "findings", "aria-label": "Findings" }, ...found.map((finding) => this.finding(finding)))
      : h("p", { class: "good" }, "The check found nothing wrong."));
    return !wrong;
  }

  say(text: string, tone = "quiet"): void {
    this.output.replaceChildren(h("p", { class: tone }, text));
  }

  /** Ask the server for its findings in the zones as they are now; false when they can't be published. */
  async check(): Promise<boolean> {
    const features = this.features();
    if (typeof features === "string") return this.refuse(features);
    try {
      return this.findings((await this.tools.api.checkZones(features)).findings ?? []);
    } catch (error) {
      return this.failed(error);
    }
  }

  private async attempt(retire: boolean): Promise<void> {
    const features = retire ? [] : this.features();
    if (typeof features === "string") return void this.refuse(features);
    const days = Math.max(1, Number(this.days.value) || DAYS);
    await this.busy(`Trying on the last ${days} days…`, async () => {
      const answer = await this.tools.api.tryZones(features, retire && this.retired ? [this.retired] : [], days);
      this.output.replaceChildren(...this.trial(answer, days));
    });
  }

  private async publish(): Promise<void> {
    const features = this.features();
    if (typeof features === "string") return void this.refuse(features);
    await this.busy("Publishing…", async () => {
      if (!(await this.check())) return;
      const from = this.from.value ? new Date(this.from.value).getTime() : Date.now();
      await this.tools.api.publishZones(features, from);
      this.tools.done(features.length === 1 ? "The zone is published." : `${features.length} zones are published.`);
    });
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
        h("button", { type: "button", class: "secondary", onclick: () => void this.attempt(true) }, "Try"),
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

  private refuse(text: string): false {
    this.say(text, "bad");
    return false;
  }

  private failed(error: unknown): false {
    const problem = error instanceof ApiError ? error.problem : {};
    if (Array.isArray(problem.findings) && problem.findings.length) this.findings(problem.findings as Finding[]);
    else this.say(error instanceof Error ? error.message : String(error), "bad");
    return false;
  }

  private finding(finding: Finding): HTMLElement {
    const where = findingPlace(finding);
    const { position } = finding;
    const spot = Array.isArray(position) && position.length >= 2 ? position : null;
    return h("li", { class: `finding finding-${finding.severity}` },
      h("b", {}, finding.severity), ` ${finding.message} `, where ? h("span", { class: "quiet" }, where) : null,
      spot ? h("button", { type: "button", class: "link", onclick: () => this.tools.map.go(spot[0], spot[1], 17) }, icon("target"), "show") : null);
  }

  private trial(answer: DryRun, days: number): HTMLElement[] {
    const read = [typeof answer.assets === "number" ? `${number(answer.assets)} trucks` : "", typeof answer.samples === "number" ? `${number(answer.samples)} samples` : ""].filter(Boolean).join(", ");
    const parts = (["added", "removed", "moved"] as const).map((name) => this.trialPart(name, trialPart(answer[name])));
    return [h("p", { class: "quiet" }, `Tried on ${days} days${read ? `: ${read}` : ""}. Nothing was changed.`), ...parts];
  }

  private trialPart(name: "added" | "removed" | "moved", { count, rows }: TrialPart): HTMLElement {
    const [title, none] = WORDS[name];
    if (!count) return h("p", { class: "trial-none" }, none);
    const { store } = this.tools;
    return h("details", { class: "trial", open: count <= 8 },
      h("summary", {}, `${title}: `, h("b", {}, number(count))),
      h("ul", {}, ...rows.slice(0, SHOWN).map(({ asset, text }) => h("li", {},
        asset ? h("button", { type: "button", class: "link", onclick: () => store.select({ kind: "truck", id: asset }) }, store.name(asset)) : null,
        h("span", {}, ` ${text}`)))),
      rows.length > SHOWN ? h("p", { class: "quiet" }, `and ${number(rows.length - SHOWN)} more`) : null);
  }
}
