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
  plates?: string[] | null;
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

export const STAGES = ["approach", "exit_port", "line", "entry_port", "leave"] as const;
export type Stage = (typeof STAGES)[number];

export type CrossingState =
  | "approaching"
  | "at_exit_port"
  | "between"
  | "at_entry_port"
  | "completed"
  | "turned_back";

export interface Crossing {
  id?: string;
  asset?: string;
  gate: string;
  gate_name: string;
  direction: string;
  from: string;
  to: string;
  state: CrossingState;
  stages: Partial<Record<Stage, Bracket | null>>;
  duration_ms?: number | null;
}

export interface Visit {
  id?: string;
  asset?: string;
  zone: string;
  zone_name: string;
  zone_kind: string;
  gate: string | null;
  country: string | null;
  state: "open" | "closed";
  how: "path" | "cut" | "open_beginning";
  enter: Bracket;
  leave: Bracket | null;
  dwell_ms?: number | null;
}

export interface CorridorEvent {
  cursor: string;
  kind: "asset" | "device" | "command" | "visit" | "crossing" | "trip";
  id: string;
  revision: number;
  change: "created" | "amended" | "retracted";
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
  gate: string | null;
  country: string | null;
}

/** A truck's path: columns of equal length, times in ms. */
export interface Track {
  t: number[];
  lon: number[];
  lat: number[];
  speed: (number | null)[];
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
