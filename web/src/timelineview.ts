/** Brackets under each other on one piece of time; each is a button that shows it on the map. */

import type { Picked } from "./bracketview.ts";
import { h } from "./dom.ts";
import { clock, dayClock, instant, margin } from "./format.ts";
import { barOf, bounds, periodOf } from "./timeline.ts";
import type { Bracket } from "./types.ts";

/** Which part of which object is shown on the map; `press` takes it off again when it is. */
export interface Picks {
  press(key: string, what: Picked): void;
  pressed(key: string): boolean;
}

export interface TimelineRow {
  key: string;
  name: string;
  bracket: Bracket | null | undefined;
  /** What stands for the time when there is no bracket. */
  absent: string;
  /** Small text below the name, such as the stay that began here. */
  note: string;
  mark?: string;
}

const percent = (share: number) => `${(share * 100).toFixed(2)}%`;

/** The rows in one list; nothing when no row has a bracket. `zone` is an IANA time zone, the reader's when left out. */
export function timelineView(rows: readonly TimelineRow[], picks: Picks, zone?: string): HTMLElement | null {
  const told = (ms: number) => clock(ms, zone);
  const period = periodOf(rows.map(({ bracket }) => bracket));
  if (!period) return null;
  const items = rows.map((row) => {
    const { key, name, bracket, absent, note, mark = "" } = row;
    const label = h("span", { class: "line-name" }, name, note ? h("small", {}, note) : null);
    const bar = barOf(bracket, period);
    if (!bar || !bracket) return h("li", { class: "line-row line-absent" }, label, h("span", { class: "line-time" }, absent));
    const at = instant(bracket.estimate)!;
    const width = margin(instant(bracket.earliest), instant(bracket.latest));
    const words = `${name}: ${bounds(bracket, told)}, probably ${told(at)}`;
    const press = () => picks.press(key, { bracket });
    return h("li", {},
      h("button", { type: "button", class: `line-row ${mark}`, "data-pick": key, "aria-pressed": String(picks.pressed(key)),
        "aria-label": `${words}. Show on the map`, title: words, onclick: press },
        label,
        h("span", { class: "line-track", "aria-hidden": "true" },
          h("span", { class: `line-bar ${bar.open ? "line-bar-open" : ""}`, style: `left:${percent(bar.from)};width:${percent(bar.to - bar.from)}` }),
          h("span", { class: "line-tick", style: `left:${percent(bar.tick)}` })),
        h("span", { class: "line-time" }, told(at), h("small", {}, width || (bar.open ? "or before" : "")))));
  });
  return h("div", { class: "timeline" },
    h("ol", {}, ...items),
    h("div", { class: "line-ends", "aria-hidden": "true" }, h("span", {}, dayClock(period.from, zone)), h("span", {}, dayClock(period.to, zone))));
}
