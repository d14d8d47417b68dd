/** Light, dark, or as the system says: kept in this browser, shown on the root element. */

import { icon, iconButton } from "./dom.ts";
import type { Scheme } from "./palette.ts";

type Choice = "auto" | Scheme;
const KEY = "corridor.theme";
const NEXT: Record<Choice, Choice> = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" } as const;
const WORDS = { auto: "Colours as the system has them", light: "Light colours", dark: "Dark colours" };
const system = matchMedia("(prefers-color-scheme: dark)");

export class Theme {
  choice: Choice;
  private readonly listeners = new Set<(scheme: Scheme) => void>();

  constructor(changed: (scheme: Scheme) => void) {
    this.listeners.add(changed);
    const kept = localStorage.getItem(KEY);
    this.choice = kept === "light" || kept === "dark" ? kept : "auto";
    system.addEventListener("change", () => this.apply());
    document.documentElement.dataset.theme = this.scheme;
  }

  get scheme(): Scheme {
    if (this.choice !== "auto") return this.choice;
    return system.matches ? "dark" : "light";
  }

  on(changed: (scheme: Scheme) => void): () => void {
    this.listeners.add(changed);
    return () => this.listeners.delete(changed);
  }

  next(): Choice {
    this.choice = NEXT[this.choice];
    localStorage.setItem(KEY, this.choice);
    this.apply();
    return this.choice;
  }

  private apply(): void {
    document.documentElement.dataset.theme = this.scheme;
    for (const changed of this.listeners) changed(this.scheme);
  }
}

/** A button that steps through the choices; there may be several. */
export function themeButton(theme: Theme): HTMLElement {
  const button = iconButton(ICONS[theme.choice], WORDS[theme.choice], () => theme.next(), "theme-button");
  theme.on(() => {
    button.replaceChildren(icon(ICONS[theme.choice]));
    button.title = WORDS[theme.choice];
    button.setAttribute("aria-label", WORDS[theme.choice]);
  });
  return button;
}
