/** A truck's track of the day: a line on the map and a slider over time, with speed drawn behind it. */

import { gapOf, shape } from "./charts.ts";
import { placeAt } from "./columns.ts";
import { h, icon, s } from "./dom.ts";
import { flaggedFeatures, flaggedWords } from "./flags.ts";
import { clock, dayClock, number, place } from "./format.ts";
import type { CorridorMap } from "./map.ts";
import type { Track } from "./types.ts";

const STEPS = 1000;
const PLAY_MS = 24_000;
const WIDTH = 320;
const HEIGHT = 44;

export class DayTrack {
  readonly element: HTMLElement;
  private readonly slider = h("input", { type: "range", min: 0, max: STEPS, value: STEPS, step: 1, "aria-label": "Time of day on the track" });
  private readonly reading = h("output", { class: "track-reading" });
  private readonly playButton = h("button", { type: "button", class: "icon-button", "aria-label": "Play the track", onclick: () => this.play() }, icon("play"));
  private playing = 0;

  constructor(private readonly map: CorridorMap, private readonly track: Track) {
    const { t } = track;
    this.draw();
    this.slider.addEventListener("input", () => {
      this.halt();
      this.show();
    });
    const drawn = shape(t, track.speed, WIDTH, HEIGHT, gapOf(t));
    const picture = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "track-speed", "aria-hidden": "true" },
      s("path", { d: drawn?.area ?? "", class: "chart-area" }), s("path", { d: drawn?.line ?? "", class: "chart-line" }));
    this.element = h("div", { class: "daytrack" },
      h("div", { class: "track-row" }, this.playButton, h("div", { class: "track-slide" }, picture as unknown as Node, this.slider)),
      h("div", { class: "track-ends" }, h("span", {}, dayClock(t[0]!)), this.reading, h("span", {}, dayClock(t[t.length - 1]!))),
      track.flagged.length ? h("p", { class: "quiet track-flagged" }, flaggedWords(track.flagged)) : null);
    this.show();
  }

  /** Whether the slider stands at the newest place and nobody plays. */
  get atRest(): boolean {
    return !this.playing && Number(this.slider.value) >= STEPS;
  }

  /** Take the track off the map. */
  close(): void {
    this.halt();
    this.map.set("track", { type: "FeatureCollection", features: [] });
    this.map.set("track-head", { type: "FeatureCollection", features: [] });
    this.map.set("flagged", { type: "FeatureCollection", features: [] });
  }

  fit(): void {
    this.map.fit(this.track.lon.map((lon, i) => [lon, this.track.lat[i]!]), 13);
  }

  private draw(): void {
    const { t, lon, lat } = this.track;
    const gap = Math.max(gapOf(t), 900_000);
    const parts: GeoJSON.Position[][] = [];
    let open: GeoJSON.Position[] = [];
    t.forEach((at, i) => {
      if (i > 0 && at - t[i - 1]! > gap) open = [];
      if (open.length === 0) parts.push(open);
      open.push([lon[i]!, lat[i]!]);
    });
    const lines = parts.filter((part) => part.length > 1);
    this.map.set("track", { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: lines } });
    this.map.set("flagged", flaggedFeatures(this.track.flagged, clock));
  }

  private at(): number {
    const { t } = this.track;
    const first = t[0]!;
    return first + ((t[t.length - 1]! - first) * Number(this.slider.value)) / STEPS;
  }

  private show(): void {
    const at = this.at();
    const here = placeAt(this.track, at);
    if (!here) return;
    this.reading.textContent = `${clock(at)} · ${number(here.speed)} km/h`;
    this.reading.title = place(here.lon, here.lat);
    this.slider.setAttribute("aria-valuetext", `${dayClock(at)}, ${number(here.speed)} kilometres an hour`);
    this.map.set("track-head", this.atRest ? { type: "FeatureCollection", features: [] } : { type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [here.lon, here.lat] } });
  }

  private play(): void {
    if (this.playing) return this.halt();
    if (Number(this.slider.value) >= STEPS) this.slider.value = "0";
    const from = Number(this.slider.value);
    const started = performance.now();
    this.playButton.replaceChildren(icon("pause"));
    this.playButton.setAttribute("aria-label", "Pause the track");
    const frame = (now: number) => {
      const value = from + ((now - started) / PLAY_MS) * STEPS;
      this.slider.value = String(Math.min(STEPS, value));
      this.show();
      if (value >= STEPS) return this.halt();
      this.playing = requestAnimationFrame(frame);
    };
    this.playing = requestAnimationFrame(frame);
  }

  private halt(): void {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.playButton.replaceChildren(icon("play"));
    this.playButton.setAttribute("aria-label", "Play the track");
  }
}
