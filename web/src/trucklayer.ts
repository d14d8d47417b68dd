/**
 * Trucks drawn on a canvas over the map. The map redraws only when the camera moves; gliding trucks cost one
 * pass over columns and a copy of a sprite each, at most 30 times a second, so that 5,000 stay smooth.
 */

import type { Map as MapLibre } from "maplibre-gl";
import { STATES, type Motion } from "./motion.ts";
import type { Palette } from "./palette.ts";
import { sprite } from "./sprites.ts";
import type { Trails } from "./trails.ts";

const FRAME_MS = 1000 / 30;
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
  private sprites: HTMLCanvasElement[] = [];
  private x = new Float32Array(0);
  private y = new Float32Array(0);
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
    this.canvas.className = "trucks";
    this.canvas.setAttribute("aria-hidden", "true");
    map.getCanvasContainer().append(this.canvas);
    map.on("render", () => this.draw());
    map.on("resize", () => this.resize());
    this.resize();
    requestAnimationFrame((now) => this.frame(now));
  }

  recolour(palette: Palette): void {
    this.palette = palette;
    this.makeSprites();
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
    const gliding = this.view.motion.advance(this.still.matches ? Infinity : performance.now());
    if (gliding || this.dirty) this.draw();
  }

  private draw(): void {
    const started = performance.now();
    this.view.motion.advance(this.still.matches ? Infinity : started);
    this.drawn = started;
    this.dirty = false;
    const c = this.context;
    const ratio = devicePixelRatio;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    c.globalAlpha = this.view.dimmed() ? 0.55 : 1;
    const seen = this.project();
    if (seen.length <= MANY) this.drawTrails(c, seen);
    this.drawRings(c);
    this.drawMarks(c, seen, ratio);
    if (seen.length <= MANY && this.map.getZoom() > 8.5) this.drawNames(c, seen);
    push(this.costs, performance.now() - started);
  }

  /** Screen places of all trucks; returns the rows in view, waiting ones under moving ones. */
  private project(): number[] {
    const { motion } = this.view;
    if (this.x.length < motion.lon.length) {
      this.x = new Float32Array(motion.lon.length);
      this.y = new Float32Array(motion.lon.length);
    }
    const toScreen = projector(this.map);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const seen: number[] = [];
    const front: number[] = [];
    for (let i = 0; i < motion.size; i++) {
      const [px, py] = toScreen(motion.lon[i]!, motion.lat[i]!);
      this.x[i] = px;
      this.y[i] = py;
      if (px < -20 || py < -20 || px > width + 20 || py > height + 20) continue;
      if (!this.view.shown(motion.state[i]!)) continue;
      (motion.state[i] === 0 ? front : seen).push(i);
    }
    for (const i of front) seen.push(i);
    return seen;
  }

  private drawMarks(c: CanvasRenderingContext2D, seen: number[], ratio: number): void {
    const { motion } = this.view;
    const scale = seen.length > MANY || this.map.getZoom() < 5.5 ? 0.66 : 1;
    for (const i of seen) {
      const state = motion.state[i]!;
      const mark = this.sprites[state]!;
      const turned = state === 0 ? (motion.heading[i]! * Math.PI) / 180 : 0;
      const cos = Math.cos(turned) * scale;
      const sin = Math.sin(turned) * scale;
      c.setTransform(cos, sin, -sin, cos, this.x[i]! * ratio, this.y[i]! * ratio);
      c.drawImage(mark, -mark.width / 2, -mark.height / 2);
    }
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
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
    c.lineWidth = 3;
    c.lineJoin = "round";
    c.strokeStyle = this.palette.labelHalo;
    c.fillStyle = this.palette.label;
    const taken: [number, number, number][] = [];
    for (const i of seen.slice().reverse()) {
      if (taken.length >= LABELS) break;
      const text = this.view.name(this.view.motion.ids[i]!);
      const x = this.x[i]! + 12;
      const y = this.y[i]!;
      const width = text.length * 6.4;
      if (taken.some(([tx, ty, tw]) => Math.abs(ty - y) < 14 && x < tx + tw && tx < x + width)) continue;
      taken.push([x, y, width]);
      c.strokeText(text, x, y);
      c.fillText(text, x, y);
    }
  }

  private makeSprites(): void {
    this.sprites = STATES.map((state) => sprite(state, this.palette, devicePixelRatio));
    this.dirty = true;
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.map.getContainer();
    this.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.makeSprites();
    this.draw();
  }
}

/** Web Mercator to screen pixels for the present camera, which never turns or tilts. */
export function projector(map: MapLibre): (lon: number, lat: number) => [number, number] {
  const world = 512 * 2 ** map.getZoom();
  const centre = map.getCenter();
  const anchor = map.project(centre);
  const dx = anchor.x - mercatorX(centre.lng) * world;
  const dy = anchor.y - mercatorY(centre.lat) * world;
  return (lon, lat) => [mercatorX(lon) * world + dx, mercatorY(lat) * world + dy];
}

const mercatorX = (lon: number) => (lon + 180) / 360;
const mercatorY = (lat: number) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);

function push(list: number[], value: number): void {
  if (list.length >= 600) list.shift();
  list.push(value);
}
