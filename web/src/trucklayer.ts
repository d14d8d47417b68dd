/**
 * Trucks drawn over the map. The map redraws only when the camera moves; gliding trucks cost one pass over
 * columns and one draw call, at most 30 times a second and only when a mark has moved by a part of a pixel,
 * so that 5,000 stay smooth and a phone's battery lasts. Trails, rings and names
 * lie on a second canvas below the marks and are drawn only while few trucks are in view.
 */

import type { Map as MapLibre } from "maplibre-gl";
import { Marks } from "./marks.ts";
import { STATES, type Motion } from "./motion.ts";
import type { Palette } from "./palette.ts";
import type { Trails } from "./trails.ts";

const FRAME_MS = 1000 / 30;
const STEP_PX = 0.35;
const REACH_PX = 16;
const MANY = 400;
const LABELS = 70;

export interface TruckView {
  motion: Motion;
  trails: Trails;
  name(asset: string): string;
  shown(stateIndex: number): boolean;
  selected(): string | null;
  dimmed(): boolean;
}

export class TruckLayer {
  /** Milliseconds that the last draws took and the time between frames, for measuring. */
  readonly costs: number[] = [];
  readonly gaps: number[] = [];
  private readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d")!;
  private readonly marks: Marks;
  private x = new Float32Array(0);
  private y = new Float32Array(0);
  private drawnX = new Float32Array(0);
  private drawnY = new Float32Array(0);
  private seen: number[] = [];
  /** How many marks were drawn last. */
  private painted = 0;
  private hovered = -1;
  private dirty = true;
  private drawn = 0;
  private lastFrame = 0;
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(
    private readonly map: MapLibre,
    private readonly view: TruckView,
    private palette: Palette,
  ) {
    this.marks = new Marks(palette);
    for (const canvas of [this.canvas, this.marks.canvas]) {
      canvas.className = "trucks";
      canvas.setAttribute("aria-hidden", "true");
      map.getCanvasContainer().append(canvas);
    }
    map.on("render", () => this.draw());
    map.on("resize", () => this.resize());
    this.resize();
    requestAnimationFrame((now) => this.frame(now));
  }

  recolour(palette: Palette): void {
    this.palette = palette;
    this.marks.recolour(palette);
    this.dirty = true;
  }

  touch(): void {
    this.dirty = true;
  }

  hover(asset: string | null): void {
    const at = asset === null ? -1 : (this.view.motion.index.get(asset) ?? -1);
    if (at !== this.hovered) this.dirty = true;
    this.hovered = at;
  }

  /** The asset whose mark lies nearest to a point of the map, within reach of a finger or a pointer. */
  at(px: number, py: number): string | null {
    const { motion } = this.view;
    let best = -1;
    let reach = REACH_PX * REACH_PX;
    for (let i = 0; i < motion.size; i++) {
      const dx = this.x[i]! - px;
      const dy = this.y[i]! - py;
      const far = dx * dx + dy * dy;
      if (far < reach && this.view.shown(motion.state[i]!)) {
        reach = far;
        best = i;
      }
    }
    return best < 0 ? null : motion.ids[best]!;
  }

  private frame(now: number): void {
    requestAnimationFrame((next) => this.frame(next));
    if (this.lastFrame) push(this.gaps, now - this.lastFrame);
    this.lastFrame = now;
    if (now - this.drawn < FRAME_MS - 2) return;
    this.drawn = now;
    const started = performance.now();
    const gliding = this.view.motion.advance(this.still.matches ? Infinity : started);
    if (!gliding && !this.dirty) return;
    this.project();
    if (this.dirty || this.moved()) this.paint(started);
  }

  /** Whether a mark in view lies elsewhere than where it was drawn last, or one has left the view or come into it. */
  private moved(): boolean {
    return this.seen.length !== this.painted || this.seen.some((i) => Math.abs(this.x[i]! - this.drawnX[i]!) > STEP_PX || Math.abs(this.y[i]! - this.drawnY[i]!) > STEP_PX);
  }

  private draw(): void {
    const started = performance.now();
    this.view.motion.advance(this.still.matches ? Infinity : started);
    this.project();
    this.paint(started);
  }

  private paint(started: number): void {
    this.dirty = false;
    this.painted = this.seen.length;
    this.drawnX.set(this.x);
    this.drawnY.set(this.y);
    const { context: c, seen } = this;
    c.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const alpha = (c.globalAlpha = this.view.dimmed() ? 0.55 : 1);
    if (seen.length <= MANY) this.drawTrails(c, seen);
    this.drawRings(c);
    this.drawMarks(seen, alpha);
    if (seen.length <= MANY && this.map.getZoom() > 8.5) this.drawNames(c, seen);
    push(this.costs, performance.now() - started);
  }

  /** Screen places of all trucks, and the rows in view, waiting ones under moving ones. */
  private project(): void {
    const { motion } = this.view;
    if (this.x.length < motion.lon.length) {
      this.x = new Float32Array(motion.lon.length);
      this.y = new Float32Array(motion.lon.length);
      this.drawnX = new Float32Array(motion.lon.length);
      this.drawnY = new Float32Array(motion.lon.length);
    }
    const { world, dx, dy } = frameOf(this.map);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const seen: number[] = [];
    const front: number[] = [];
    for (let i = 0; i < motion.size; i++) {
      const px = (this.x[i] = mercatorX(motion.lon[i]!) * world + dx);
      const py = (this.y[i] = mercatorY(motion.lat[i]!) * world + dy);
      if (px < -20 || py < -20 || px > width + 20 || py > height + 20) continue;
      if (!this.view.shown(motion.state[i]!)) continue;
      (motion.state[i] === 0 ? front : seen).push(i);
    }
    for (const i of front) seen.push(i);
    this.seen = seen;
  }

  private drawMarks(seen: number[], alpha: number): void {
    const { motion } = this.view;
    const scale = seen.length > MANY || this.map.getZoom() < 5.5 ? 0.66 : 1;
    this.marks.begin(seen.length);
    for (const i of seen) {
      const state = motion.state[i]!;
      this.marks.add(this.x[i]!, this.y[i]!, state === 0 ? (motion.heading[i]! * Math.PI) / 180 : 0, scale, state);
    }
    this.marks.end(this.canvas.clientWidth, this.canvas.clientHeight, alpha);
  }

  private drawRings(c: CanvasRenderingContext2D): void {
    const selected = this.view.selected();
    const at = selected === null ? -1 : (this.view.motion.index.get(selected) ?? -1);
    for (const [i, alpha] of [[this.hovered, 0.18], [at, 0.3]] as const) {
      if (i < 0) continue;
      const colour = this.palette.states[STATES[this.view.motion.state[i]!]!];
      c.beginPath();
      c.arc(this.x[i]!, this.y[i]!, 17, 0, Math.PI * 2);
      c.save();
      c.globalAlpha *= alpha;
      c.fillStyle = colour;
      c.fill();
      c.restore();
      if (i !== at) continue;
      c.lineWidth = 2;
      c.strokeStyle = colour;
      c.stroke();
    }
  }

  private drawTrails(c: CanvasRenderingContext2D, seen: number[]): void {
    const toScreen = projector(this.map);
    const { motion, trails } = this.view;
    c.beginPath();
    for (const i of seen) {
      const trail = trails.of(motion.ids[i]!);
      if (!trail || trail.length < 2) continue;
      const [x0, y0] = toScreen(trail[0]!, trail[1]!);
      c.moveTo(x0, y0);
      for (let k = 2; k < trail.length - 2; k += 2) c.lineTo(...toScreen(trail[k]!, trail[k + 1]!));
      c.lineTo(this.x[i]!, this.y[i]!);
    }
    c.lineWidth = 2;
    c.lineJoin = "round";
    c.lineCap = "round";
    c.strokeStyle = this.palette.trail;
    c.stroke();
  }

  private drawNames(c: CanvasRenderingContext2D, seen: number[]): void {
    c.font = '500 11px "Inter Variable", sans-serif';
    c.textBaseline = "middle";
    const taken: [number, number, number][] = [];
    for (const i of seen.slice().reverse()) {
      if (taken.length >= LABELS) break;
      const text = this.view.name(this.view.motion.ids[i]!);
      const x = this.x[i]! + 15;
      const y = this.y[i]!;
      const width = c.measureText(text).width + 8;
      if (taken.some(([tx, ty, tw]) => Math.abs(ty - y) < 14 && x < tx + tw && tx < x + width)) continue;
      taken.push([x, y, width]);
      c.fillStyle = this.palette.labelHalo;
      c.beginPath();
      c.roundRect(x - 4, y - 8, width, 16, 5);
      c.fill();
      c.fillStyle = this.palette.label;
      c.fillText(text, x, y + 0.5);
    }
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.map.getContainer();
    for (const canvas of [this.canvas, this.marks.canvas]) {
      canvas.width = Math.round(clientWidth * devicePixelRatio);
      canvas.height = Math.round(clientHeight * devicePixelRatio);
    }
    this.draw();
  }
}

/** Web Mercator to screen pixels for the present camera, which never turns or tilts. */
function frameOf(map: MapLibre): { world: number; dx: number; dy: number } {
  const world = 512 * 2 ** map.getZoom();
  const centre = map.getCenter();
  const anchor = map.project(centre);
  return { world, dx: anchor.x - mercatorX(centre.lng) * world, dy: anchor.y - mercatorY(centre.lat) * world };
}

function projector(map: MapLibre): (lon: number, lat: number) => [number, number] {
  const { world, dx, dy } = frameOf(map);
  return (lon, lat) => [mercatorX(lon) * world + dx, mercatorY(lat) * world + dy];
}

const mercatorX = (lon: number) => (lon + 180) / 360;
const mercatorY = (lat: number) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);

function push(list: number[], value: number): void {
  if (list.length >= 600) list.shift();
  list.push(value);
}
