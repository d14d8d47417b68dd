/** The marks of trucks, one shape and colour a state, drawn by paths. */

import type { Palette } from "./palette.ts";
import type { TruckState } from "./types.ts";

export const SPRITE_PX = 28;

type Draw = (c: CanvasRenderingContext2D) => void;

/** Paths around (0, 0) in CSS pixels; an arrow points north. */
const SHAPES: Record<TruckState, Draw> = {
  moving: (c) => {
    c.moveTo(0, -9);
    c.lineTo(6.4, 7.4);
    c.lineTo(0, 4);
    c.lineTo(-6.4, 7.4);
    c.closePath();
  },
  stopped: (c) => c.roundRect(-5, -5, 10, 10, 2),
  at_gate: (c) => {
    c.moveTo(0, -7.6);
    c.lineTo(7.6, 0);
    c.lineTo(0, 7.6);
    c.lineTo(-7.6, 0);
    c.closePath();
  },
  silent: (c) => c.arc(0, 0, 5, 0, Math.PI * 2),
};

export function drawShape(c: CanvasRenderingContext2D, state: TruckState, palette: Palette): void {
  c.lineJoin = "round";
  c.beginPath();
  SHAPES[state](c);
  c.lineWidth = 3.4;
  c.strokeStyle = palette.truckEdge;
  c.stroke();
  if (state === "silent") {
    c.fillStyle = palette.truckEdge;
    c.fill();
    c.lineWidth = 2.4;
    c.strokeStyle = palette.states.silent;
    c.stroke();
    return;
  }
  c.fillStyle = palette.states[state];
  c.fill();
}
