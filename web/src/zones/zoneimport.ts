/** A file of zones that was dropped: what the server read in it, with what it said, before anything is published. */

import { h, icon } from "../dom.ts";
import { number } from "../format.ts";
import type { ZoneFeature } from "../types.ts";
import { KINDS } from "./feature.ts";
import { Proposal, type ProposalTools } from "./proposal.ts";

const SHOWN = 200;

export interface ImportTools extends ProposalTools {
  taken: ReadonlySet<string>;
  cancel(): void;
  /** Bring zones into view. */
  look(zones: readonly GeoJSON.Feature[]): void;
}

export class ZoneImport {
  readonly element: HTMLElement;
  private zones: ZoneFeature[] = [];
  private readonly title: HTMLElement;
  private readonly list = h("ul", { class: "zone-list" });
  private readonly proposal: Proposal;
  private readonly kind = h("select", {}, ...KINDS.map((kind) => h("option", { value: kind }, kind)));
  private readonly grace = h("input", { type: "number", min: 0, value: 60 });
  private readonly dwell = h("input", { type: "number", min: 0, value: 0 });

  constructor(private readonly file: File, private readonly tools: ImportTools) {
    this.title = h("h2", { tabindex: "-1" }, file.name);
    this.proposal = new Proposal(tools, () => (this.zones.length ? this.zones : "There is no zone to send."));
    for (const field of [this.kind, this.grace, this.dwell]) field.addEventListener("change", () => void this.read());
    this.element = h("div", { class: "zone-form" },
      h("div", { class: "section-head" }, this.title, h("button", { type: "button", class: "link", onclick: () => tools.cancel() }, icon("back"), "All zones")),
      h("p", { class: "hint" }, "For zones whose file does not say:"),
      h("div", { class: "fields" }, label("Kind", this.kind), label("Grace, s", this.grace), label("Least stay, s", this.dwell)),
      this.list, this.proposal.element);
  }

  /** Have the server read the file and show what came of it. */
  async read(): Promise<void> {
    this.title.focus({ preventScroll: true });
    this.proposal.say("Reading…");
    const options = { kind: this.kind.value, grace_s: whole(this.grace), min_dwell_s: whole(this.dwell) };
    try {
      const { zones, findings } = await this.tools.api.checkFile(this.file, options);
      this.zones = zones;
      this.list.replaceChildren(...zones.slice(0, SHOWN).map((zone) => this.row(zone)));
      if (zones.length > SHOWN) this.list.append(h("li", { class: "empty" }, `and ${number(zones.length - SHOWN)} more`));
      this.proposal.findings(findings, []);
      this.tools.map.set("draft", { type: "FeatureCollection", features: zones });
      this.tools.look(zones);
    } catch (error) {
      this.proposal.say(error instanceof Error ? error.message : String(error), "bad");
    }
  }

  private row(zone: ZoneFeature): HTMLElement {
    const { id, name, kind } = zone.properties;
    return h("li", {}, h("button", { type: "button", class: "zone", onclick: () => this.tools.look([zone]) },
      h("span", { class: `zone-mark zone-${kind}`, "aria-hidden": "true" }), h("strong", {}, name),
      h("small", {}, `${kind} · ${this.tools.taken.has(id) ? "replaces the one there" : "new"}`)));
  }
}

function label(name: string, input: HTMLElement): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, name), input);
}

const whole = (input: HTMLInputElement) => String(Math.max(0, Math.round(Number(input.value)) || 0));
