/** The cases of one truck in its panel: how far each is, and the way to its own view. */

import type { Api } from "../api.ts";
import { h } from "../dom.ts";
import { hashOf } from "../routes.ts";
import { section } from "../section.ts";
import { stateChip } from "./chips.ts";
import { Clearance } from "./requests.ts";
import type { Case } from "./shapes.ts";

export class TruckCases {
  private readonly part = section("Clearance");

  constructor(private readonly api: Api, private readonly asset: string) {
    this.part.root.hidden = true;
  }

  get root(): HTMLElement {
    return this.part.root;
  }

  /** Ask again; the part is shown only when there is a case, or was one. */
  async load(): Promise<void> {
    const cases = await new Clearance(this.api).cases(this.asset).catch(() => []);
    this.part.root.hidden = cases.length === 0;
    this.part.set(h("ul", { class: "truck-cases" }, ...cases.map(row)));
  }
}

function row(about: Case): HTMLElement {
  const reason = about.reasons?.[0]?.text;
  return h("li", {},
    h("a", { class: "truck-case", href: hashOf({ view: "case", id: about.id ?? "" }) },
      h("span", {}, `${about.gate}, ${about.direction.replace(">", " → ")}`, h("small", {}, reason || about.reference)), stateChip(about.state)));
}
