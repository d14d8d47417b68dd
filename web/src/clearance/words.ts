/** Names of states, stages, causes and spans for people, and which tone each has. Pure. */

import type { BoardRow, Case, Deadline, LineStage } from "./shapes.ts";

export const STAGE_WORDS: Record<LineStage, string> = {
  filed: "Filed",
  bound: "Bound",
  departing: "Departing",
  approaching: "Approaching",
  arrived: "Arrived",
  crossed: "Crossed",
  arrived_entry: "At entry port",
  released: "Released",
  cleared: "Cleared",
};

const STATE_WORDS: Record<string, string> = {
  ...STAGE_WORDS,
  manual_verification: "Manual verification",
  held: "Held",
  withdrawn: "Withdrawn",
  expired: "Expired",
  closed: "Closed",
};

/** How a state is to be read: a problem, waiting for a decision, going well, over. */
export type StateTone = "bad" | "held" | "way" | "here" | "good" | "over";

const TONES: Record<string, StateTone> = {
  manual_verification: "bad", held: "held", filed: "way", bound: "way", departing: "way", approaching: "way", arrived: "here",
  crossed: "here", arrived_entry: "here", released: "good", cleared: "good", withdrawn: "over", expired: "over", closed: "over",
};

export const stateWords = (state: string) => STATE_WORDS[state] ?? plain(state);
export const stateTone = (state: string): StateTone => TONES[state] ?? "way";

/** The order in which a board shows the states' filters. */
export const STATE_ORDER = [
  "manual_verification", "held", "filed", "bound", "departing", "approaching", "arrived", "crossed", "arrived_entry", "released", "cleared",
  "expired", "withdrawn", "closed",
];

const RELEASE_WORDS: Record<string, string> = {
  requested: "asked", granted: "granted", inspect: "inspect", detained: "detained", waiting: "wait", timeout: "no answer", withdrawn: "withdrawn",
  corrected: "corrected",
};

export const releaseWords = (state: string) => RELEASE_WORDS[state] ?? plain(state);

const CAUSE_WORDS: Record<string, string> = {
  slip: "a slip of the pen",
  swapped_pair: "two vehicles swapped",
  swapped_unit: "telematics unit of another vehicle",
  replaced_ecu: "a replaced control unit",
  truncated: "cut off",
  junk: "junk behind the code",
  foreign: "another vehicle's code",
  unknown: "cause not known",
};

export const causeWords = (cause: string | null | undefined) => (cause ? (CAUSE_WORDS[cause] ?? plain(cause)) : "cause not known");

const SPAN_WORDS: Record<string, string> = {
  exit_port: "Exit port",
  line: "Between the ports",
  to_release: "Waiting for the release",
  entry_port: "Entry port",
  total: "Clearance in all",
  filing_to_release: "Filing to release",
  manual_verification: "Manual verification",
  held: "Held",
};

export const spanWords = (span: string) => SPAN_WORDS[span] ?? plain(span);

const SOURCE_WORDS: Record<string, string> = {
  maker: "the maker's record", registration: "the registration", registry: "the registry", filing: "the filing", officer: "an officer", can: "the vehicle's bus",
  bus: "the vehicle's bus", device: "the fitted device", permit: "the permit",
};

/** `can:0` is the vehicle's bus, `filing:DE-04` the filing DE-04. */
export function sourceWords(source: string | null | undefined): string {
  if (!source) return "a source not named";
  const [kind = "", which = ""] = source.split(":", 2);
  const words = SOURCE_WORDS[kind] ?? plain(kind);
  return which && !["can", "bus"].includes(kind) ? `${words} ${which}` : words;
}

/** A sentence of the server for people: sources and assets by their names. `name` tells an asset's, null when it is not known. */
export function named(text: string, name: (asset: string) => string | null): string {
  return text
    .replace(/\b(by|from) (can|bus|filing|device|registration|maker|officer|permit)(:[^\s,;:]+)?(?= is|,|;|:| [A-Z0-9])/g, (_, word: string, kind: string, which = "") => `${word} ${sourceWords(kind + which)}`)
    .replace(/\basset_[0-9a-f]{8,}\b/g, (asset) => name(asset) ?? short(asset));
}

/** An id that people can tell from another one: its kind and its first characters. */
export function short(id: string): string {
  const [kind = "", rest = ""] = id.split("_", 2);
  return rest.length > 10 ? `${kind}_${rest.slice(0, 8)}…` : id;
}

const KIND_WORDS: Record<string, string> = {
  tractor: "Tractor", semi_trailer: "Semi-trailer", rigid: "Rigid truck", special: "Special vehicle", passenger: "Passenger vehicle",
};

export const kindWords = (kind: string | null | undefined) => (kind ? (KIND_WORDS[kind] ?? plain(kind)) : "Vehicle");

/** A name of the wire as words: `bill_of_lading` is `Bill of lading`. */
export function plain(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What an officer may decide, and what the page says of it. */
export const DECISIONS = {
  release: { word: "Release", done: "Released", help: "The vehicle may leave the entry port." },
  inspect: { word: "Inspect", done: "Sent to inspection", help: "The vehicle waits until it has been looked at." },
  detain: { word: "Detain", done: "Detained", help: "The vehicle stays." },
  settle: { word: "Verify binding", done: "Binding verified", help: "You have seen both codes on the vehicle. It settles every conflict known so far." },
} as const;
export type Decision = keyof typeof DECISIONS;

/** The state whose badge stands for the case: `held` and the like, else how far it is. */
export const isOpen = (row: Pick<BoardRow | Case, "state">) => stateTone(row.state) !== "over" && row.state !== "cleared";

/** `must be lodged by 14:05`, and how that ended; `clock` says an instant. */
export function deadlineWords(deadline: Deadline | null, clock: (ms: number) => string): string {
  if (!deadline) return "";
  const due = deadline.due ? Date.parse(deadline.due) : NaN;
  const by = Number.isNaN(due) ? "" : clock(due);
  const { must, short } = duty(deadline.rule);
  switch (deadline.state) {
    case "missed":
      return by ? `${short} missed: was due ${by}` : `${short} missed`;
    case "met":
      return `${short} in time`;
    default:
      return by ? `${must} by ${by}${deadline.state === "at_risk" ? ", at risk" : ""}` : must;
  }
}

const DUTIES: [rule: RegExp, must: string, short: string][] = [
  [/permit/, "Permit must be there", "Permit"],
  [/release/, "Release must be there", "Release"],
  [/notice|notif|manifest|lodg|filed|filing|declar|entry-summary/, "Must be lodged", "Lodging"],
];

/** What a rule of the regime asks for; its whole sentence stands beside it. */
function duty(rule: string): { must: string; short: string } {
  const found = DUTIES.find(([pattern]) => pattern.test(rule));
  return found ? { must: found[1], short: found[2] } : { must: plain(rule), short: plain(rule) };
}
