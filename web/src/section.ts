/** A part of a panel: a heading and what stands below it, or a sentence why nothing does. */

import { h } from "./dom.ts";

export interface Section {
  root: HTMLElement;
  head: HTMLElement;
  set(...children: Node[]): void;
  say(text: string): void;
  /** Whether exactly these children stand there already. */
  same(children: readonly Node[]): boolean;
}

export function section(title: string): Section {
  const body = h("div", {}, h("p", { class: "empty" }, "Loading…"));
  const head = h("div", { class: "section-head" }, h("h3", {}, title));
  const root = h("section", { class: "detail-section", "aria-label": title }, head, body);
  return {
    root,
    head,
    set: (...children) => body.replaceChildren(...children),
    say: (text) => body.replaceChildren(h("p", { class: "empty" }, text)),
    same: (children) => body.childNodes.length === children.length && children.every((child, i) => body.childNodes[i] === child),
  };
}
