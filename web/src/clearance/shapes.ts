/** The clearance shapes that the API sends, as the page reads them. Times are RFC 3339 UTC texts. */

import type { Bracket, Head } from "../types.ts";

/** The line of stages, in order. */
export const LINE = ["filed", "bound", "departing", "approaching", "arrived", "crossed", "arrived_entry", "released", "cleared"] as const;
export type LineStage = (typeof LINE)[number];

export const SIDE_STATES = ["manual_verification", "held", "withdrawn", "expired", "closed"] as const;

export interface Reason {
  code: string;
  text: string;
  source?: string | null;
}

export interface Deadline {
  rule: string;
  due: string | null;
  state: "pending" | "at_risk" | "met" | "missed";
  text?: string | null;
}

export interface Cause {
  kind: string;
  id: string;
  revision?: number | null;
}

export interface Step {
  stage: LineStage;
  t: string | null;
  earliest: string | null;
  latest: string | null;
  cause?: Cause | null;
  rule?: string | null;
  inferred?: boolean;
}

/** The asset that carries this one, and the coupling that proves it. */
export interface Carrier {
  asset: string;
  coupling?: string | null;
}

export interface CaseDocument {
  kind: string;
  number: string | null;
  state: "ok" | "missing" | "expired";
}

export interface Case extends Partial<Head> {
  filing: string;
  reference: string | null;
  asset_kind?: string | null;
  vin: string | null;
  chassis: string | null;
  exporter: string | null;
  consignee?: string | null;
  gate: string;
  direction: string;
  batch?: string | null;
  regime?: string | null;
  regime_version?: string | null;
  state: string;
  stage: LineStage;
  reasons?: Reason[] | null;
  steps?: Step[] | null;
  /** Seconds by span. */
  clocks_s?: Record<string, number | null> | null;
  benchmark_s?: number | null;
  within_benchmark?: boolean | null;
  crossing?: string | null;
  by?: Carrier | string | null;
  permit?: string | null;
  release?: string | null;
  release_rule?: "authority" | "officer" | "automatic" | null;
  conflicts?: string[] | null;
  deadlines?: Deadline[] | null;
  documents?: CaseDocument[] | null;
  window_from?: string | null;
  window_until?: string | null;
  eta?: string | null;
  lodged?: string | null;
  version?: number | null;
  ended?: string | null;
}

export interface BoardRow {
  case: string;
  asset: string;
  vin: string | null;
  chassis: string | null;
  plate: string | null;
  exporter: string | null;
  kind: string | null;
  state: string;
  stage: LineStage;
  reasons: Reason[];
  eta: string | null;
  /** The planned arrival, from when. */
  window_from: string | null;
  /** The nearest that is not met. */
  deadline: Deadline | null;
  lodged: string | null;
  release: unknown;
  conflicts: unknown[];
  by: Carrier | string | null;
  position: { lon: number; lat: number; t: string } | null;
  since: string | null;
  direction?: string | null;
}

export interface Board {
  gate: string;
  rows: BoardRow[];
}

export interface Conflict extends Partial<Head> {
  what: "vin" | "chassis" | "component" | "device";
  got: string | null;
  want: string | null;
  /** Counted from 1: the first character that differs. */
  position: number | null;
  source?: string | null;
  against?: string | null;
  cause?: string | null;
  text?: string | null;
  other?: string | null;
  first?: string | null;
  state: "open" | "settled";
  seen?: unknown[] | null;
}

export interface FiledDocument {
  kind: string;
  number: string | null;
  issued?: string | null;
  expires?: string | null;
  sha256?: string | null;
}

export interface FilingVersion {
  version: number;
  by: string;
  at: string | null;
  changed?: string[] | null;
}

export interface Filing extends Partial<Head> {
  reference: string;
  state: string;
  consignee?: string | null;
  exporter?: string | null;
  lodged?: string | null;
  version?: number;
  versions?: FilingVersion[] | null;
  documents?: FiledDocument[] | null;
  data?: Record<string, string> | null;
  findings?: { code: string; text: string }[] | null;
}

export interface Permit extends Partial<Head> {
  number: string;
  country?: string | null;
  state: string;
  reason?: string | null;
  valid_from?: string | null;
  valid_until?: string | null;
  axle_limit_kg?: number | null;
  axles?: number | null;
  gross_limit_kg?: number | null;
  emission_class?: string | null;
  lighting?: string | null;
  agent?: string | null;
  accreditation?: string | null;
}

export interface Release extends Partial<Head> {
  case: string;
  n?: number;
  authority?: string | null;
  state: string;
  requested?: string | null;
  decided?: string | null;
  decision?: string | null;
  reason?: string | null;
  by?: string | null;
  message?: string | null;
  conditions?: string[] | null;
  deadline?: string | null;
}

export interface Binding extends Partial<Head> {
  vin: string | null;
  chassis: string | null;
  state: string;
  agreed?: string[] | null;
  settled?: unknown;
}

export interface Coupling extends Partial<Head> {
  carrier: string;
  how: string;
  from: string | null;
  to: string | null;
  by?: string | null;
  evidence?: string | null;
}

export interface ExplainEntry {
  what: string;
  sentence: string;
  stage?: string | null;
  cause?: Cause | null;
  rule?: string | null;
  inferred?: boolean;
  source?: string | null;
}

export interface ExplainRevision {
  revision: number;
  change: string;
  t: string | null;
  recorded: string | null;
  position: number;
  state: string | null;
  stage: string | null;
  regime: string | null;
  regime_version: string | null;
  why?: { positions?: number[]; changed?: string[] } | null;
  entries: ExplainEntry[];
}

export interface Summary {
  count: number;
  mean_s: number | null;
  p10_s: number | null;
  p50_s: number | null;
  p90_s: number | null;
  p95_s: number | null;
  max_s: number | null;
  /** Share of 1. */
  within: number | null;
}

export interface Report {
  gate: string;
  from: string | null;
  until: string | null;
  benchmark_s: number;
  cases: number;
  states: Record<string, number>;
  clearance: Summary;
  filing_to_release: Summary;
  distribution: { width_s: number; counts: number[]; more: boolean };
  manual_verification: { cases: number; share: number | null; causes: { cause: string; cases: number; share: number }[] };
  lost: { span: string; cases: number; fast_s: number | null; lost_s: number; worst_s: number | null }[];
  uptime?: { up?: number | null; down_s?: number } | null;
}

/** The stages of a crossing with their bounds and places, as the evidence of a case. */
export type CrossingStages = Partial<Record<string, Bracket | null>>;
