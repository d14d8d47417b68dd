/** The crossings, visits, trips and stops of one truck: four lists that follow the events, and what is picked on the map. */

import type { Api } from "./api.ts";
import { BracketView, type Picked } from "./bracketview.ts";
import { h } from "./dom.ts";
import type { CorridorMap } from "./map.ts";
import { beginOf, kindOf, passageCard, type CardTools, type Kind, type Passage } from "./passagecards.ts";
import { section, type Section } from "./section.ts";

const KINDS = ["crossing", "visit", "trip", "stop"] as const;
const TITLES: Record<Kind, [title: string, none: string]> = {
  crossing: ["Crossings", "No crossing so far."],
  visit: ["Visits", "No visit to a zone so far."],
  trip: ["Trips", "No trip so far."],
  stop: ["Stops", "No stop so far."],
};
/** So many are in a list before somebody asks for more. */
const FIRST = 12;

interface Shown {
  kind: Kind;
  revision: number;
  card: HTMLDetailsElement;
}

export class Passages {
  readonly sections: Record<Kind, Section>;
  private readonly shown = new Map<string, Shown>();
  private readonly whole = new Set<Kind>();
  private readonly extra = new Map<string, { kind: Kind; object: Passage }>();
  private readonly view: BracketView;
  private readonly tools: CardTools;
  private picked: string | null = null;
  /** The newest crossing is opened once, at the first look. */
  private untouched = true;
  private closed = false;

  /** `all`: whether the key may read more than crossings. */
  constructor(private readonly api: Api, map: CorridorMap, private readonly asset: string, private readonly all: boolean) {
    this.view = new BracketView(map, api, asset);
    this.sections = Object.fromEntries(KINDS.map((kind) => [kind, section(TITLES[kind][0])])) as Record<Kind, Section>;
    this.tools = {
      api,
      picks: { press: (key, what) => this.press(key, what), pressed: (key) => key === this.picked },
      go: (id) => void this.go(id),
    };
  }

  private get kinds(): readonly Kind[] {
    return this.all ? KINDS : ["crossing"];
  }

  get roots(): HTMLElement[] {
    return this.kinds.map((kind) => this.sections[kind].root);
  }

  close(): void {
    this.closed = true;
    this.view.clear();
  }

  /** Ask for the lists and show them; what is open stays open. */
  async load(): Promise<void> {
    const filter = { asset: this.asset, limit: "100" };
    const gone = this.all ? await this.api.retracted(this.asset).catch(() => []) : [];
    await Promise.all(this.kinds.map(async (kind) => {
      try {
        const found: Passage[] = await this.listed(kind, filter);
        if (this.closed) return;
        const mine = gone.filter((object) => kindOf(object) === kind);
        const others = [...this.extra.values()].filter((one) => one.kind === kind).map((one) => one.object);
        this.show(kind, unique([...found, ...mine, ...others]));
      } catch (error) {
        if (!this.closed) this.sections[kind].say(`Could not load ${TITLES[kind][0].toLowerCase()}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }));
  }

  private listed(kind: Kind, filter: Record<string, string>): Promise<Passage[]> {
    const { api } = this;
    return kind === "crossing" ? api.crossings(filter) : kind === "visit" ? api.visits(filter) : kind === "trip" ? api.trips(filter) : api.stops(filter);
  }

  private show(kind: Kind, objects: Passage[]): void {
    const sorted = objects.map((object) => ({ object, at: beginOf(kind, object) })).sort((a, b) => b.at - a.at).map(({ object }) => object);
    const cut = this.whole.has(kind) ? sorted : sorted.slice(0, FIRST);
    const focus = document.activeElement as HTMLElement | null;
    const cards: HTMLElement[] = cut.map((object, i) => this.card(kind, object, kind === "crossing" && i === 0 && this.untouched));
    if (kind === "crossing") this.untouched = false;
    const rest = sorted.length - cut.length;
    if (rest > 0) {
      cards.push(h("button", { type: "button", class: "link more", onclick: () => {
        this.whole.add(kind);
        this.show(kind, sorted);
      } }, `${rest} more`));
    }
    const part = this.sections[kind];
    if (!cards.length) return part.say(TITLES[kind][1]);
    if (part.same(cards)) return;
    part.set(...cards);
    if (focus && part.root.contains(focus)) focus.focus({ preventScroll: true });
  }

  /** The card of an object; a new one only when its revision is. */
  private card(kind: Kind, object: Passage, open: boolean): HTMLElement {
    const id = object.id ?? "";
    const before = this.shown.get(id);
    const revision = object.revision ?? 0;
    if (before?.revision === revision) return before.card;
    const card = passageCard(kind, object, this.tools, before?.card.open ?? open);
    this.shown.set(id, { kind, revision, card });
    return card;
  }

  private press(key: string, what: Picked): void {
    this.picked = this.picked === key ? null : key;
    if (this.picked) void this.view.show(what);
    else this.view.clear();
    for (const root of this.roots) {
      for (const button of root.querySelectorAll<HTMLElement>("[data-pick]")) button.setAttribute("aria-pressed", String(button.dataset.pick === this.picked));
    }
  }

  /** Open the object with this id and bring it into view; one that is in no list yet is asked for. */
  private async go(id: string): Promise<void> {
    if (!this.shown.get(id)?.card.isConnected) {
      const kind = KINDS.find((name) => id.startsWith(`${name}_`));
      const [newest] = kind ? await this.api.revisions(id, 1).catch(() => []) : [];
      if (!kind || !newest || this.closed) return;
      const { object, ...head } = newest;
      this.extra.set(id, { kind, object: { id, asset: this.asset, ...head, ...object } as unknown as Passage });
      this.whole.add(kind);
      await this.load();
    }
    const card = this.shown.get(id)?.card;
    if (!card) return;
    card.open = true;
    card.scrollIntoView({ block: "nearest" });
    card.querySelector<HTMLElement>("summary")?.focus({ preventScroll: true });
  }
}

/** Each id once, the highest revision of it. */
function unique(objects: Passage[]): Passage[] {
  const newest = new Map<string, Passage>();
  for (const object of objects) {
    const id = object.id ?? "";
    const known = newest.get(id);
    if (!known || (object.revision ?? 0) > (known.revision ?? 0)) newest.set(id, object);
  }
  return [...newest.values()];
}
