/** Which port's clock the clearance views use: chosen once, kept in this browser. */

import { h } from "../dom.ts";
import { country } from "../format.ts";
import { PortTime } from "./porttime.ts";

const KEPT = "corridor.port-side";

/** The time of the port that was chosen, of those two; the first when none was. */
export function chosenTime(gate: string | null, sides: readonly string[]): PortTime {
  const kept = localStorage.getItem(KEPT);
  return new PortTime(gate, kept && sides.includes(kept) ? kept : (sides[0] ?? ""));
}

/** The zone's name, and a button to the other port's. */
export function portSwitch(gate: string | null, sides: readonly string[], now: number, changed: () => void): HTMLElement {
  const time = chosenTime(gate, sides);
  const other = sides.find((side) => side !== time.side);
  return h("p", { class: "port-time" }, `Times: ${time.name(now)}`,
    other ? h("button", { type: "button", class: "link", onclick: () => {
      localStorage.setItem(KEPT, other);
      changed();
    } }, `show ${country(other)} time`) : null);
}
