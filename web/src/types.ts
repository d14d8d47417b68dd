/** The shapes that the API sends, as the page reads them. Times are RFC 3339 UTC texts unless `t_ms`. */

export type TruckState = "moving" | "stopped" | "at_gate" | "silent";

/** One row of a live positions message. */
export type PositionRow = [
  asset: string,
  lon: number,
  lat: number,
  speed_kmh: number | null,
  heading_deg: number | null,
  t_ms: number,
  state: TruckState,
  country: string | null,
];

/** What the page knows of a truck besides its place. */
export interface TruckInfo {
  asset: string;
  vin: string | null;
  name: string | null;
  device: string | null;
  fleet: string | null;
}

export interface Asset {
  id: string;
  vin: string;
  chassis?: string | null;
  plates?: (string | { plate: string; country: string })[] | null;
  kind?: string | null;
  maker?: string | null;
  name?: string | null;
  fleet?: string | null;
}

export interface Bracket {
  earliest: string | null;
  latest: string;
  estimate: string;
  lon?: number;
  lat?: number;
}

export const STAGES = ["approach", "exit_port", "exit_port_left", "line", "entry_port", "leave"] as const;
export type Stage = (typeof STAGES)[number];

export type CrossingState =
  | "approaching"
  | "at_exit_port"
  | "between"
  | "at_entry_port"
  | "completed"
  | "turned_back"
  | "off_gate";

/** What every object has: `why` tells of its newest revision. */
export interface Head {
  id: string;
  asset: string;
  revision: number;
  change: Change;
  t: string;
  recorded: string;
  why?: Why | null;
}

export type Change = "created" | "amended" | "retracted";

export interface Why {
  changed?: string[];
  positions?: number[];
  merged_into?: string;
}

export interface Crossing extends Partial<Head> {
  gate: string | null;
  gate_name: string | null;
  direction: string;
  from: string;
  to: string;
  state: CrossingState;
  stages: Partial<Record<Stage, Bracket | null>>;
  /** Share of 1. */
  confidence?: number;
  /** Seconds at each part of the way. */
  dwell_s?: Record<string, number | null>;
  duration_s?: number | null;
}

export interface Visit extends Partial<Head> {
  zone: string;
  zone_name: string;
  zone_kind: string;
  gate: string | null;
  country: string | null;
  state: "open" | "closed";
  how: "path" | "cut" | "open_beginning" | "possible";
  enter: Bracket;
  leave: Bracket | null;
  confidence?: number;
  dwell_s?: number | null;
}

export interface Moment {
  t: string;
  lon: number;
  lat: number;
}

export interface Trip extends Partial<Head> {
  state: "open" | "closed";
  start: Moment | string;
  end: Moment | string | null;
  distance_m: number | null;
  odometer_m?: number | null;
  difference_m?: number | null;
  /** By country: metres and seconds. */
  countries?: Record<string, { m: number; s: number }> | null;
}

export interface Stop extends Partial<Head> {
  state: "open" | "closed";
  start: string;
  end: string | null;
  duration_s: number | null;
  lon: number;
  lat: number;
  open_beginning?: boolean;
}

/** One revision in an object's history. */
export interface Revision {
  revision: number;
  change: Change;
  t: string;
  recorded: string;
  position: number;
  why: Why | null;
  object: Record<string, unknown>;
}

export interface CorridorEvent {
  cursor: string;
  kind:
    | "asset" | "device" | "command" | "visit" | "crossing" | "trip" | "stop" | "late" | "zone"
    | "filing" | "permit" | "binding" | "conflict" | "coupling" | "case" | "release" | "batch" | "seal" | "regime";
  id: string;
  revision: number;
  change: Change;
  asset: string;
  t: string;
  recorded: string;
  object: Record<string, unknown>;
}

export interface Gate {
  id: string;
  name: string;
  a: { country: string; zone?: string };
  b: { country: string; zone?: string };
  line: GeoJSON.Geometry | null;
  lon: number;
  lat: number;
  queue: Record<string, number>;
  recent?: unknown;
}

export interface ZoneProperties {
  id: string;
  kind: string;
  name: string;
  gate?: string | null;
  side?: string | null;
  country?: string | null;
  grace_s?: number;
  min_dwell_s?: number;
  plausible?: boolean;
  version?: string;
}

export type ZoneFeature = GeoJSON.Feature<GeoJSON.Polygon | GeoJSON.MultiPolygon, ZoneProperties>;

/** What a check said of a zone: an error left it out, a repair changed it, a warning changed nothing. */
export interface Finding {
  severity: string;
  message: string;
  feature: number | null;
  ring: number | null;
  position: number | null;
}

export interface ZoneCheck {
  /** Sound or repaired: these can be published. */
  zones: ZoneFeature[];
  findings: Finding[];
}

/** A visit or crossing that an edit of zones would change; `before` is null for a new one, `after` for one that goes. */
export interface TrialChange {
  kind: string;
  id: string | null;
  asset: string;
  what: string[];
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface DryRun {
  added: TrialChange[];
  removed: TrialChange[];
  moved: TrialChange[];
  assets: number;
  samples: number;
}

/** A truck's path: columns of equal length, times in ms; `flagged` are fixes with doubts. */
export interface Track {
  t: number[];
  lon: number[];
  lat: number[];
  speed: (number | null)[];
  flagged: FlaggedFix[];
}

export interface FlaggedFix {
  t: number;
  lon: number;
  lat: number;
  flags: number;
}

/** Signals of a truck: `t` in ms and one column a name. */
export interface Signals {
  t: number[];
  values: Record<string, (number | null)[]>;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}
