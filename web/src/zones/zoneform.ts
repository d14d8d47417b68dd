/** One zone that is drawn or edited: its fields beside the shape on the map. */

import { h, icon } from "../dom.ts";
import { duration, number } from "../format.ts";
import type { Gate, ZoneProperties } from "../types.ts";
import type { Draft, Tool } from "./draft.ts";
import { area } from "./geometry.ts";
import { featureOf, idFrom, KINDS } from "./feature.ts";

const HINTS: Record<Tool, string> = {
  polygon: "Press the map for each corner; press the first one again, or Finish, when all are set.",
  circle: "Press the map for the centre, then for the rim.",
  route: "Press the map along the road; Finish when the last place is set.",
  edit: "Drag corners; drag a dot between two to make a new one; Delete takes one away.",
};
const TITLES: Record<Tool, string> = { polygon: "New zone", circle: "New round zone", route: "New route corridor", edit: "Edit zone" };
const KEYS = "By keyboard: focus the map, move it with the arrow keys, Enter sets a corner in its middle.";

/** Grace that a zone has unless somebody says otherwise: shorter absences are none. */
const GRACE_S = 60;

export interface FormTools {
  taken: ReadonlySet<string>;
  gates: readonly Gate[];
  /** The draft was changed by the form. */
  redraw(): void;
  cancel(): void;
}

export class ZoneForm {
  readonly element: HTMLElement;
  private readonly name: HTMLInputElement;
  private readonly kind: HTMLSelectElement;
  private readonly side: HTMLSelectElement;
  private readonly grace: HTMLInputElement;
  private readonly dwell: HTMLInputElement;
  private readonly width = h("input", { type: "number", min: 5, max: 20_000, step: 5 });
  private readonly radius = h("input", { type: "number", min: 5, max: 500_000, step: 1 });
  private readonly finish = h("button", { type: "button", class: "secondary", onclick: () => this.finished() }, "Finish shape");
  private readonly undo = h("button", { type: "button", class: "secondary", onclick: () => this.undone() }, icon("undo"), "Undo");
  private readonly size = h("p", { class: "quiet" });
  private readonly crowded = h("p", { class: "quiet", hidden: true }, "Too many corners to show: zoom in to move them.");
  private readonly sides: { gate: string; side: string }[];

  constructor(private readonly draft: Draft, private readonly known: ZoneProperties | null, private readonly tools: FormTools) {
    const { tool } = draft;
    this.name = h("input", { type: "text", maxlength: 120, required: true, value: known?.name ?? "" });
    const kinds: string[] = known && !KINDS.includes(known.kind as never) ? [known.kind, ...KINDS] : [...KINDS];
    const chosen = known?.kind ?? (tool === "route" ? "route" : "custom");
    this.kind = h("select", {}, ...kinds.map((kind) => h("option", { value: kind, selected: kind === chosen }, kind)));
    this.sides = tools.gates.flatMap((gate) => [gate.a.country, gate.b.country].map((side) => ({ gate: gate.id, side })));
    this.side = h("select", {}, h("option", { value: "" }, "none"), ...this.sides.map(({ gate, side }, i) => {
      const name = tools.gates.find(({ id }) => id === gate)?.name ?? gate;
      return h("option", { value: i, selected: known?.gate === gate && (known.side ?? known.country) === side }, `${name}, ${side}`);
    }));
    this.grace = h("input", { type: "number", min: 0, max: 86_400, step: 1, value: known ? (known.grace_s ?? 0) : GRACE_S });
    this.dwell = h("input", { type: "number", min: 0, max: 86_400, step: 1, value: known?.min_dwell_s ?? 0 });
    this.width.value = String(draft.width_m);
    this.element = h("form", { class: "zone-form", onsubmit: (event: Event) => event.preventDefault() },
      h("div", { class: "section-head" }, h("h2", { tabindex: "-1" }, TITLES[tool]), h("button", { type: "button", class: "link", onclick: () => tools.cancel() }, icon("back"), "All zones")),
      h("p", { class: "hint" }, HINTS[tool]), tool === "edit" ? null : h("p", { class: "unseen" }, KEYS),
      h("div", { class: "proposal-row" }, this.finish, this.undo), this.crowded, this.size,
      field("Name", this.name),
      h("div", { class: "fields" }, field("Kind", this.kind), this.sideField()),
      tool === "route" ? field("Width", this.width, "m") : null,
      tool === "circle" ? field("Radius", this.radius, "m") : null,
      h("div", { class: "fields" }, field("Grace", this.grace, "s"), field("Least stay", this.dwell, "s")),
      h("p", { class: "quiet" }, "Absences shorter than the grace are none; stays shorter than the least stay are no visits."));
    this.kind.addEventListener("change", () => this.show());
    this.width.addEventListener("input", () => {
      const width = Number(this.width.value);
      if (width > 0) draft.width_m = width;
      tools.redraw();
      this.show();
    });
    this.radius.addEventListener("change", () => {
      draft.radius_m = Number(this.radius.value);
      tools.redraw();
      this.show();
    });
    this.show();
  }

  focus(): void {
    if (this.draft.tool === "edit") this.element.querySelector("h2")?.focus({ preventScroll: true });
    else this.name.focus({ preventScroll: true });
  }

  /** Show the shape as it is now. */
  show(crowded?: boolean): void {
    const { draft } = this;
    if (crowded !== undefined) this.crowded.hidden = !crowded;
    this.finish.hidden = draft.finished || draft.tool === "circle";
    if (document.activeElement !== this.radius) this.radius.value = draft.radius_m ? String(Math.round(draft.radius_m)) : "";
    this.side.closest("label")!.hidden = !["approach", "port"].includes(this.kind.value);
    this.undo.disabled = !draft.undoable;
    const fault = draft.finished ? draft.fault() : null;
    this.size.className = fault ? "bad" : "quiet";
    this.size.textContent = fault ?? sizeWords(draft);
  }

  /** The zone as a feature, or why it is none yet. */
  feature(): GeoJSON.Feature | string {
    const name = this.name.value.trim();
    if (!name) return "The zone needs a name.";
    const fault = this.draft.fault();
    if (fault) return fault;
    const place = this.side.closest("label")!.hidden ? null : this.sides[Number(this.side.value || -1)];
    const id = this.known?.id ?? idFrom(name, this.tools.taken, `zone-${Date.now().toString(36)}`);
    const ofGate = ["approach", "port"].includes(this.kind.value) ? { gate: place?.gate ?? null, side: place?.side ?? null } : {};
    const properties: ZoneProperties = {
      ...this.known, id, kind: this.kind.value, name, ...ofGate, grace_s: whole(this.grace), min_dwell_s: whole(this.dwell),
    };
    return featureOf(properties, this.draft.geometry()!);
  }

  private sideField(): HTMLElement {
    return field("Gate and side", this.side);
  }

  private finished(): void {
    if (!this.draft.finish()) {
      this.size.className = "bad";
      this.size.textContent = this.draft.tool === "polygon" ? "A zone needs three corners." : "A route needs two places.";
      return;
    }
    this.tools.redraw();
    this.show();
  }

  private undone(): void {
    this.draft.undo();
    this.tools.redraw();
    this.show();
  }
}

function field(name: string, input: HTMLElement, unit = ""): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, name), input, unit ? h("small", {}, unit) : null);
}

const whole = (input: HTMLInputElement) => Math.max(0, Math.round(Number(input.value) || 0));

function sizeWords(draft: Draft): string {
  const rings = draft.outline();
  if (!rings.length) return `${draft.rings[0]!.length} set`;
  const km2 = rings.reduce((sum, ring) => sum + area(ring), 0) / 1e6;
  const corners = rings.reduce((sum, ring) => sum + ring.length, 0);
  return `${number(Math.abs(km2), Math.abs(km2) < 10 ? 3 : 0)} km², ${number(corners)} corners`;
}

/** `grace 1 min, least stay 5 min`, for lists. */
export function timesWords({ grace_s = 0, min_dwell_s = 0 }: ZoneProperties): string {
  return [grace_s ? `grace ${duration(grace_s * 1000)}` : "", min_dwell_s ? `least stay ${duration(min_dwell_s * 1000)}` : ""].filter(Boolean).join(", ");
}
