/** The map's colours in light and dark. State colours are told apart by people with any colour vision. */

import type { TruckState } from "./types.ts";

export type Scheme = "light" | "dark";

export interface Palette {
  sea: string;
  land: string;
  landSecond: string;
  landThird: string;
  border: string;
  graticule: string;
  label: string;
  labelHalo: string;
  countryLabel: string;
  port: string;
  approach: string;
  line: string;
  track: string;
  trackCasing: string;
  /** What was picked in a panel, or is being drawn. */
  picked: string;
  truckEdge: string;
  trail: string;
  states: Record<TruckState, string>;
}

export const PALETTES: Record<Scheme, Palette> = {
  light: {
    sea: "#dfe7ee",
    land: "#f7f5f0",
    landSecond: "#eeeee3",
    landThird: "#f2ece3",
    border: "#a9a294",
    graticule: "rgba(60, 80, 100, 0.10)",
    label: "#4b5563",
    labelHalo: "rgba(246, 244, 239, 0.92)",
    countryLabel: "#9a9281",
    port: "#c2660a",
    approach: "#8a7a55",
    line: "#b42318",
    track: "#0f5fb8",
    trackCasing: "#ffffff",
    picked: "#e08a00",
    truckEdge: "#ffffff",
    trail: "rgba(15, 95, 184, 0.34)",
    states: { moving: "#0f66c4", stopped: "#8a3ea8", at_gate: "#d97b06", silent: "#6b7280" },
  },
  dark: {
    sea: "#0b1118",
    land: "#161d26",
    landSecond: "#1a2530",
    landThird: "#1c212c",
    border: "#4a5768",
    graticule: "rgba(160, 185, 215, 0.07)",
    label: "#a9b4c2",
    labelHalo: "rgba(17, 23, 31, 0.92)",
    countryLabel: "#5d6b7d",
    port: "#f0a03c",
    approach: "#9c8f6c",
    line: "#ff7a6b",
    track: "#6db3ff",
    trackCasing: "#0b1118",
    picked: "#ffc04d",
    truckEdge: "#0b1118",
    trail: "rgba(109, 179, 255, 0.34)",
    states: { moving: "#5aa9ff", stopped: "#cf8ee8", at_gate: "#ffb347", silent: "#8b97a7" },
  },
};
