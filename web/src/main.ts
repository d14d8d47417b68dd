/** Puts the page together: key, store, map, trucks, panels and the session. */

import { Api } from "./api.ts";
import { BoardView } from "./clearance/board.ts";
import { CaseView } from "./clearance/casepage.ts";
import { EvidenceMap } from "./clearance/evidencemap.ts";
import { ReconcileView } from "./clearance/reconcile.ts";
import { ReportView } from "./clearance/report.ts";
import { Clearance } from "./clearance/requests.ts";
import { expose } from "./debug.ts";
import { Detail } from "./detail.ts";
import { h, iconButton } from "./dom.ts";
import { GateMarkers } from "./gatemarkers.ts";
import { askForKey, forgetKey, keyFromAddress } from "./login.ts";
import { CorridorMap } from "./map.ts";
import { FeedView } from "./feed/feedview.ts";
import { Feeds } from "./feed/requests.ts";
import { pointer } from "./pointer.ts";
import { hashOf, parseRoute } from "./routes.ts";
import { Session } from "./session.ts";
import { Sidebar } from "./sidebar.ts";
import { Store } from "./store.ts";
import { Theme } from "./theme.ts";
import { TruckLayer } from "./trucklayer.ts";
import type { Gate, ZoneFeature } from "./types.ts";
import { Views } from "./views.ts";
import { ZonePanel } from "./zones/zonepanel.ts";

const REGION_DEG = 2.4;
const SETTLE_MS = 3000;

const byId = (id: string) => document.getElementById(id)!;

async function start(): Promise<void> {
  const given = keyFromAddress();
  await document.fonts.load('500 16px "Inter Variable"').catch(() => []);
  const store = new Store();
  const theme = new Theme((scheme) => {
    map.recolour(scheme);
    layer.recolour(map.palette);
  });
  const map = new CorridorMap(byId("map"), theme.scheme, notice);
  const layer = new TruckLayer(map.map, {
    motion: store.motion,
    trails: store.trails,
    name: (asset) => store.name(asset),
    shown: (state) => store.shown(state),
    selected: () => (store.selection?.kind === "truck" ? store.selection.id : null),
    dimmed: () => store.status.phase === "waiting",
  }, map.palette);
  for (const topic of ["positions", "selection", "filter", "status"] as const) store.on(topic, () => layer.touch());

  const api = new Api(given ?? (await askForKey("")));
  const session = new Session(api, store, (reason) => {
    forgetKey();
    void askForKey(`The server said: ${reason}`).then(() => location.reload());
  });
  const sidebar = new Sidebar(byId("sidebar"), store, theme, () => session.live.retry());
  const zones = new ZonePanel(store, api, map, () => void showZones(), () => sidebar.open("zones"));
  sidebar.addZones(zones.element);
  const showZones = async () => {
    const found = await session.zones().catch(() => null);
    if (!found) return notice("The zones could not be loaded.");
    map.set("zones", found);
    zones.set(found.features as ZoneFeature[]);
  };
  const requests = new Clearance(api);
  const feeds = new Feeds(api);
  const evidence = new EvidenceMap(theme, api, () => session.zones());
  const views = new Views(byId("view"), byId("app"), store, theme, () => session.live.retry(), (route) => {
    switch (route.view) {
      case "board":
        return new BoardView(store, requests, route.query);
      case "case":
        return new CaseView(store, requests, evidence, route.id);
      case "reconcile":
        return new ReconcileView(requests);
      case "report":
        return new ReportView(store, requests, route.query);
      case "feed":
        return new FeedView(feeds, route.query.id);
      default:
        return null;
    }
  });
  views.show();
  firstView(store);
  new Detail(byId("detail"), store, api, map);
  new GateMarkers(map, store);
  pointer(map, layer, store, byId("tooltip"));
  controls(map, store, sidebar);
  announce(store);
  expose(store, map, layer);

  await Promise.all([map.ready, session.start()]);
  showRegion(map, store, false);
  if (store.motion.size === 0) showLater(map, store);
  if (!store.feedsOnly) await showZones();
}

/** An officer's first view is the gate board, an insurer's the feed, unless the address names one. */
function firstView(store: Store): void {
  const off = store.on("identity", () => {
    off();
    if (store.feedsOnly && parseRoute(location.hash).view !== "feed") location.replace(hashOf({ view: "feed", query: {} }));
    if (store.role === "customs" && location.hash === "") location.replace(hashOf({ view: "board", query: {} }));
  });
}

function notice(text: string): void {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
}

/** The gate with the most trucks in its region, the first one when none has any. */
function mainGate(store: Store): Gate | undefined {
  const { motion, gates } = store;
  const counts = gates.map((gate) => motion.ids.filter((_, i) => inRegion(gate, motion.toLon[i]!, motion.toLat[i]!)).length);
  return gates[Math.max(0, counts.indexOf(Math.max(...counts)))];
}

function inRegion(gate: Gate, lon: number, lat: number): boolean {
  return Math.abs(lon - gate.lon) < REGION_DEG && Math.abs(lat - gate.lat) < REGION_DEG;
}

/** The main gate and the trucks of its region. */
function showRegion(map: CorridorMap, store: Store, animate: boolean): void {
  const gate = mainGate(store);
  const { motion } = store;
  const points = motion.ids.map((_, i): [number, number] => [motion.toLon[i]!, motion.toLat[i]!]);
  if (!gate) return map.fit(points, 11, animate);
  const near = points.filter(([lon, lat]) => inRegion(gate, lon, lat));
  near.push([gate.lon - 0.2, gate.lat - 0.2], [gate.lon + 0.2, gate.lat + 0.2]);
  map.fit(near, 11, animate);
}

/** When the page came before the trucks: show their region once they are there, unless the map was moved. */
function showLater(map: CorridorMap, store: Store): void {
  let moved = false;
  map.map.on("movestart", (event) => (moved ||= event.originalEvent !== undefined));
  const off = store.on("positions", () => {
    if (store.motion.size === 0) return;
    off();
    window.setTimeout(() => {
      if (!moved && !store.selection) showRegion(map, store, true);
    }, SETTLE_MS);
  });
}

function controls(map: CorridorMap, store: Store, sidebar: Sidebar): void {
  byId("controls").append(
    iconButton("plus", "Zoom in", () => map.map.zoomIn()),
    iconButton("minus", "Zoom out", () => map.map.zoomOut()),
    h("hr"),
    iconButton("fit", "Show the gate's region", () => showRegion(map, store, true)),
    iconButton("gate", "Go to the gate", () => {
      const gate = mainGate(store);
      if (gate) store.select({ kind: "gate", id: gate.id });
    }),
  );
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
    if (parseRoute(location.hash).view !== "map") return;
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    sidebar.focusSearch();
  });
}

/** Tell assistive technology of the connection's changes, nothing else: the events would never stop. */
function announce(store: Store): void {
  let before = store.status.phase;
  store.on("status", () => {
    const { phase } = store.status;
    if (phase === before) return;
    if (phase === "live") byId("announcer").textContent = before === "live" ? "" : "Connected, showing live data";
    if (phase === "waiting") byId("announcer").textContent = "Connection lost, trying again";
    before = phase;
  });
}

void start();
