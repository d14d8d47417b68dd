/**
 * The views that cover the map: gate board, case, reconcile, report, feed. One is shown at a time, chosen by the
 * address; the map lives on behind it. Each view is made when it is shown and closed when another one is.
 */

import { connection } from "./connection.ts";
import { h } from "./dom.ts";
import { hashOf, parseRoute, type Route } from "./routes.ts";
import type { Store } from "./store.ts";
import { themeButton, type Theme } from "./theme.ts";

export interface View {
  readonly element: HTMLElement;
  /** For the window's title. */
  readonly title: string;
  close(): void;
}

/** Makes the view of a route; null is the map. */
export type Maker = (route: Route) => View | null;

const LINKS: [route: Route, word: string][] = [
  [{ view: "map" }, "Map"],
  [{ view: "board", query: {} }, "Gate board"],
  [{ view: "reconcile" }, "Reconcile"],
  [{ view: "report", query: {} }, "Report"],
  [{ view: "feed", query: {} }, "Feed"],
];
const NAME = "Corridor";

/** Links to the views; the one that is shown is marked. */
export function viewLinks(store: Store): HTMLElement {
  const links = LINKS.map(([route, word]) => h("a", { href: hashOf(route), "data-view": route.view }, word));
  const mark = () => {
    const shown = parseRoute(location.hash).view;
    for (const link of links) {
      const reconcile = link.dataset.view === "reconcile" && store.role === "customs";
      link.hidden = reconcile || (store.feedsOnly && link.dataset.view !== "feed");
      const own = link.dataset.view === (shown === "case" ? "board" : shown);
      if (own) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  window.addEventListener("hashchange", mark);
  store.on("identity", mark);
  mark();
  return h("nav", { class: "view-links", "aria-label": "Views" }, ...links);
}

export class Views {
  private readonly body = h("div", { class: "view-body" });
  private shown: View | null = null;

  constructor(private readonly root: HTMLElement, private readonly app: HTMLElement, store: Store, theme: Theme, retry: () => void, private readonly make: Maker) {
    root.append(
      h("header", { class: "view-head" },
        h("a", { href: "#map", class: "view-brand", "aria-label": "Corridor, to the map" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), h("b", {}, NAME)),
        viewLinks(store), connection(store, retry), themeButton(theme)),
      this.body,
    );
    window.addEventListener("hashchange", () => this.show());
  }

  /** Show what the address says. */
  show(): void {
    const route = parseRoute(location.hash);
    this.shown?.close();
    this.shown = this.make(route);
    this.app.dataset.view = route.view;
    this.root.hidden = this.shown === null;
    this.body.replaceChildren();
    document.title = this.shown ? `${this.shown.title} · ${NAME}` : NAME;
    if (!this.shown) return;
    this.body.append(this.shown.element);
    this.body.scrollTop = 0;
    this.shown.element.querySelector<HTMLElement>("h2[tabindex]")?.focus({ preventScroll: true });
  }
}
