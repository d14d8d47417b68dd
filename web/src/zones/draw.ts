/**
 * Drawing on the map with pointer, finger or keyboard: corners are set by a press, moved by a drag or by the
 * arrow keys, taken away by Delete. It changes the draft that it was given and says so; it decides nothing.
 */

import { Marker, type MapLayerMouseEvent, type MapMouseEvent } from "maplibre-gl";
import { h } from "../dom.ts";
import type { CorridorMap } from "../map.ts";
import type { Store } from "../store.ts";
import type { Corner, Draft } from "./draft.ts";
import type { Point } from "./geometry.ts";

const NEAR_PX = 12;
const STEP_PX = 4;
const MOST_HANDLES = 160;
const ARROWS: Record<string, [x: number, y: number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Draw {
  private draft: Draft | null = null;
  private handles: Marker[] = [];
  private pointer: Point | null = null;
  private readonly cross = h("div", { class: "draw-cross", "aria-hidden": "true", hidden: true });

  /** `changed` hears of every change of the draft; `crowded` whether corners are hidden, being too many. */
  constructor(
    private readonly map: CorridorMap,
    private readonly store: Store,
    private readonly changed: () => void,
    private readonly crowded: (hidden: boolean) => void,
  ) {
    map.map.getContainer().append(this.cross);
    map.map.on("click", (event) => this.press(event));
    map.map.on("dblclick", (event) => this.end(event));
    map.map.on("mousemove", (event) => this.follow(event));
    map.map.on("mouseout", () => this.follow(null));
    map.map.on("moveend", () => this.draft && this.place());
    const canvas = map.map.getCanvas();
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.aim());
    canvas.addEventListener("blur", () => this.aim());
  }

  start(draft: Draft): void {
    this.draft = draft;
    this.map.map.doubleClickZoom.disable();
    this.refresh();
  }

  stop(): void {
    if (!this.draft) return;
    this.draft = null;
    this.store.drawing = false;
    this.pointer = null;
    this.map.map.doubleClickZoom.enable();
    this.map.map.getCanvas().style.cursor = "";
    this.map.set("draft", { type: "FeatureCollection", features: [] });
    this.clear();
    this.aim();
  }

  /** Draw the draft as it is now: shape, line to the pointer, handles. */
  refresh(): void {
    if (!this.draft) return;
    this.store.drawing = !this.draft.finished;
    this.map.map.getCanvas().style.cursor = this.draft.finished ? "" : "crosshair";
    this.paint();
    this.place();
    this.aim();
  }

  private touched(): void {
    this.refresh();
    this.changed();
  }

  private press(event: MapMouseEvent): void {
    const { draft } = this;
    if (!draft || draft.finished) return;
    const [first] = draft.rings[0]!;
    const near = first && draft.tool === "polygon" && draft.rings[0]!.length >= 3 && this.map.map.project(first).dist(event.point) < NEAR_PX;
    if (near) draft.finish();
    else draft.add([event.lngLat.lng, event.lngLat.lat]);
    this.touched();
  }

  /** A double press sets the last corner: its first half did. */
  private end(event: MapMouseEvent): void {
    if (!this.draft || this.draft.finished) return;
    event.preventDefault();
    if (this.draft.finish()) this.touched();
  }

  private follow(event: MapMouseEvent | MapLayerMouseEvent | null): void {
    if (!this.draft || this.draft.finished) return;
    this.pointer = event ? [event.lngLat.lng, event.lngLat.lat] : null;
    this.paint();
  }

  /** Enter sets a corner in the middle of the map, Backspace takes the last one back. */
  private key(event: KeyboardEvent): void {
    const { draft } = this;
    if (!draft || draft.finished) return;
    if (event.key === "Enter") {
      const { lng, lat } = this.map.map.getCenter();
      draft.add([lng, lat]);
    } else if (event.key === "Backspace") draft.undo();
    else return;
    event.preventDefault();
    this.touched();
  }

  /** The cross in the map's middle shows where Enter would set a corner. */
  private aim(): void {
    this.cross.hidden = !this.draft || this.draft.finished || !this.map.map.getCanvas().matches(":focus-visible");
  }

  private paint(): void {
    const { draft } = this;
    if (!draft) return;
    const features: GeoJSON.Feature[] = [];
    const geometry = draft.geometry();
    if (geometry) features.push({ type: "Feature", properties: {}, geometry });
    const ring = draft.rings[0]!;
    if (!geometry || draft.tool === "route") {
      if (ring.length > 1) features.push({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: ring } });
    }
    const last = ring[ring.length - 1];
    if (!draft.finished && this.pointer && last) {
      features.push({ type: "Feature", properties: { rubber: true }, geometry: { type: "LineString", coordinates: [last, this.pointer] } });
    }
    this.map.set("draft", { type: "FeatureCollection", features });
  }

  private clear(): void {
    for (const handle of this.handles) handle.remove();
    this.handles = [];
  }

  /** Handles for the corners in view, as long as they are few enough to be told apart. */
  private place(): void {
    const { draft } = this;
    if (!draft) return;
    const focused = (document.activeElement as HTMLElement | null)?.dataset.corner;
    this.clear();
    const view = this.map.map.getBounds();
    const seen = ({ point }: Corner) => view.contains(point);
    const corners = draft.corners().filter(seen);
    const middles = draft.middles().filter(seen);
    const crowded = corners.length > MOST_HANDLES;
    this.crowded(crowded);
    if (crowded) return;
    this.handles = corners.map((corner) => this.corner(draft, corner));
    if (middles.length <= MOST_HANDLES / 2) this.handles.push(...middles.map((middle) => this.middle(draft, middle)));
    if (focused) this.map.map.getContainer().querySelector<HTMLElement>(`[data-corner="${focused}"]`)?.focus({ preventScroll: true });
  }

  private corner(draft: Draft, { ring, at, point }: Corner): Marker {
    const name = draft.tool === "circle" ? (at === 0 ? "Centre" : "Rim") : `Corner ${at + 1}`;
    const element = h("button", { type: "button", class: "draw-corner", "data-corner": `${ring}/${at}`, title: `${name}: drag it, or use the arrow keys; Delete takes it away`, "aria-label": name });
    element.addEventListener("click", (event) => {
      event.stopPropagation();
      if (!draft.finished && at === 0 && draft.finish()) this.touched();
    });
    element.addEventListener("keydown", (event) => this.nudge(draft, ring, at, event));
    return this.dragged(element, point, (to, first) => draft.move(ring, at, to, first));
  }

  private middle(draft: Draft, { ring, at, point }: Corner): Marker {
    const element = h("button", { type: "button", class: "draw-middle", title: "Drag it to make a corner", "aria-label": `New corner before corner ${at + 1}` });
    element.addEventListener("click", (event) => {
      event.stopPropagation();
      draft.insert(ring, at, point);
      this.touched();
    });
    return this.dragged(element, point, (to, first) => (first ? draft.insert(ring, at, to) : draft.move(ring, at, to, false)));
  }

  private dragged(element: HTMLElement, point: Point, moved: (to: Point, first: boolean) => void): Marker {
    const marker = new Marker({ element, draggable: true }).setLngLat(point).addTo(this.map.map);
    let first = true;
    marker.on("drag", () => {
      const { lng, lat } = marker.getLngLat();
      moved([lng, lat], first);
      first = false;
      this.paint();
    });
    marker.on("dragend", () => this.touched());
    return marker;
  }

  private nudge(draft: Draft, ring: number, at: number, event: KeyboardEvent): void {
    const way = ARROWS[event.key];
    if (way) {
      const far = STEP_PX * (event.shiftKey ? 5 : 1);
      const { x, y } = this.map.map.project(draft.rings[ring]![at]!);
      const { lng, lat } = this.map.map.unproject([x + way[0] * far, y + way[1] * far]);
      draft.move(ring, at, [lng, lat]);
    } else if (event.key === "Delete" || event.key === "Backspace") draft.remove(ring, at);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.touched();
  }
}
