/** The gate board's rows: their order, their filters, and how events change them. Pure. */

import { instant } from "../format.ts";
import type { CorridorEvent } from "../types.ts";
import type { BoardRow, Case, Deadline } from "./shapes.ts";
import { isOpen } from "./words.ts";

export interface BoardFilter {
  /** Empty: both. */
  direction: string;
  /** Empty: all. */
  states: ReadonlySet<string>;
  /** Part of a VIN, chassis number, plate or exporter. */
  text: string;
}

const NEVER = Number.MAX_SAFE_INTEGER;

export const troubled = (row: BoardRow) => row.conflicts.length > 0 || row.state === "manual_verification";

/** Conflicts first, then those that still come by their ETA, else by their plan; what is over last. */
export function ordered(rows: readonly BoardRow[]): BoardRow[] {
  const rank = (row: BoardRow) => (!isOpen(row) ? 2 : troubled(row) ? 0 : 1);
  const when = (row: BoardRow) => instant(row.eta) ?? instant(row.window_from) ?? NEVER;
  return [...rows].sort((a, b) => rank(a) - rank(b) || when(a) - when(b) || (a.vin ?? "").localeCompare(b.vin ?? "") || a.case.localeCompare(b.case));
}

export function matching(rows: readonly BoardRow[], { direction, states, text }: BoardFilter): BoardRow[] {
  const wanted = text.trim().toLowerCase();
  return rows.filter((row) => {
    if (direction && row.direction && row.direction !== direction) return false;
    if (states.size && !states.has(row.state)) return false;
    return !wanted || [row.vin, row.chassis, row.plate, row.exporter].some((one) => one?.toLowerCase().includes(wanted));
  });
}

export function counts(rows: readonly BoardRow[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { state } of rows) found.set(state, (found.get(state) ?? 0) + 1);
  return found;
}

/** The nearest deadline that is not met. */
export function nearest(deadlines: readonly Deadline[] | null | undefined): Deadline | null {
  const open = (deadlines ?? []).filter(({ state }) => state !== "met");
  const due = (deadline: Deadline) => instant(deadline.due) ?? NEVER;
  return open.sort((a, b) => due(a) - due(b))[0] ?? null;
}

/** A row with what the newest revision of its case says; what only the board knows stays. */
export function rowOf(event: CorridorEvent, before: BoardRow | undefined): BoardRow {
  const told = event.object as unknown as Case;
  const since = before && before.stage === told.stage && before.state === told.state ? before.since : event.t;
  return {
    case: event.id, asset: event.asset, vin: told.vin, chassis: told.chassis, plate: before?.plate ?? null, exporter: told.exporter,
    kind: told.asset_kind ?? before?.kind ?? null, state: told.state, stage: told.stage, reasons: told.reasons ?? [], eta: told.eta ?? null, window_from: told.window_from ?? null,
    deadline: nearest(told.deadlines), lodged: told.lodged ?? null, release: released(before?.release, told.release), conflicts: told.conflicts ?? [],
    by: told.by ?? null, position: before?.position ?? null, since, direction: told.direction,
  };
}

/** The rows after an event; a case of another gate is none of this board, and a retracted one goes. */
export function applied(rows: readonly BoardRow[], event: CorridorEvent, gate: string): readonly BoardRow[] {
  if (event.kind === "release" && rows.some((row) => row.case === event.object.case)) {
    const release = { id: event.id, state: event.object.state };
    return rows.map((row) => (row.case === event.object.case ? { ...row, release } : row));
  }
  if (event.kind !== "case" || event.object.gate !== gate) return rows;
  const at = rows.findIndex((row) => row.case === event.id);
  if (event.change === "retracted") return at < 0 ? rows : rows.filter((_, i) => i !== at);
  const row = rowOf(event, rows[at]);
  if (at < 0) return [...rows, row];
  return rows.map((one, i) => (i === at ? row : one));
}

/** What is known of a release while it is the same one. */
function released(before: unknown, id: string | null | undefined): unknown {
  const known = before && typeof before === "object" && "id" in before && (before as { id: unknown }).id === id;
  return known ? before : (id ?? null);
}

/** The id or the state that stands for a release, however the board tells it. */
export function releaseState(release: unknown): string | null {
  if (typeof release === "string") return release.startsWith("release_") ? "requested" : release;
  if (release && typeof release === "object" && "state" in release) return String((release as { state: unknown }).state);
  return null;
}

/** The board's answer as rows; a list that is not there is an empty one. */
export function rowsFrom(answer: { items?: unknown }): BoardRow[] {
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  return list(answer.items).map((row) => ({ ...(row as BoardRow), reasons: list((row as BoardRow).reasons), conflicts: list((row as BoardRow).conflicts) }) as BoardRow);
}
