/** Light, dark, or as the system says: kept in this browser, shown on the root element. */

import type { Scheme } from "./palette.ts";

type Choice = "auto" | Scheme;
const KEY = "corridor.theme";
const NEXT: Record<Choice, Choice> = { auto: "light", light: "dark", dark: "auto" };
const system = matchMedia("(prefers-color-scheme: dark)");

export class Theme {
  choice: Choice;

  constructor(private readonly changed: (scheme: Scheme) => void) {
    const kept = localStorage.getItem(KEY);
    this.choice = kept === "light" || kept === "dark" ? kept : "auto";
    system.addEventListener("change", () => this.apply());
    document.documentElement.dataset.theme = this.scheme;
  }

  get scheme(): Scheme {
    if (this.choice !== "auto") return this.choice;
    return system.matches ? "dark" : "light";
  }

  next(): Choice {
    this.choice = NEXT[this.choice];
    localStorage.setItem(KEY, this.choice);
    this.apply();
    return this.choice;
  }

  private apply(): void {
    document.documentElement.dataset.theme = this.scheme;
    this.changed(this.scheme);
  }
}
