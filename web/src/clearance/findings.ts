/** What a reconciliation found: shapes, names and groups. Pure. */

import { plain } from "./words.ts";

export interface FoundPlace {
  /** production, filings or registry. */
  side: string;
  row: number;
  vin_at?: string;
  chassis_at?: string;
  vin: string;
  chassis: string;
  reference?: string | null;
}

export interface FoundChange {
  side: string;
  at: string;
  got: string;
  want: string;
}

export interface ReconcileFinding {
  kind: string;
  title?: string;
  severity: string;
  text: string;
  proposal?: string;
  places?: FoundPlace[];
  /** Which code differs: vin or chassis. */
  what?: string | null;
  position?: number | null;
  got?: string | null;
  want?: string | null;
  changes?: FoundChange[];
}

export interface ListInfo {
  side: string;
  file: string;
  sheet?: string | null;
  rows: number;
  notes?: string[];
}

export interface ReconcileAnswer {
  lists?: ListInfo[];
  agreed?: number;
  findings: ReconcileFinding[];
  /** Of all findings, also of those that the answer leaves out. */
  counts?: Record<string, number>;
  total?: number;
}

const KINDS: Record<string, string> = {
  swapped_pair: "Swapped pair",
  foreign_chassis: "Another vehicle's chassis",
  vin_slip: "Slip in the VIN",
  chassis_slip: "Slip in the chassis number",
  vin_mismatch: "Another VIN",
  chassis_mismatch: "Another chassis number",
  doubled_vin: "VIN twice",
  doubled_chassis: "Chassis number twice",
  bad_vin: "Not a VIN",
  check_digit: "Check digit",
  unreadable: "Cell not to be trusted",
  not_produced: "Filed, not produced",
  no_chassis: "No chassis number",
  scheme: "Chassis written in another way",
  not_filed: "Produced, not filed",
};

const SIDES: Record<string, string> = { production: "Production", filings: "Filings", registry: "Registry" };

export const findingName = (kind: string) => KINDS[kind] ?? plain(kind);
export const sideName = (side: string) => SIDES[side] ?? plain(side);

/** Findings by kind, in the order in which a report tells them; unknown kinds last. */
export function byKind(findings: readonly ReconcileFinding[]): [kind: string, findings: ReconcileFinding[]][] {
  const groups = new Map<string, ReconcileFinding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.kind);
    if (group) group.push(finding);
    else groups.set(finding.kind, [finding]);
  }
  const order = Object.keys(KINDS);
  const rank = (kind: string) => (order.includes(kind) ? order.indexOf(kind) : order.length);
  return [...groups].sort((a, b) => rank(a[0]) - rank(b[0]));
}
