/** Clearance events as sentences, and which of them are worth a line among the live events. Pure. */

import type { CorridorEvent } from "../types.ts";
import { differenceWords } from "./codes.ts";
import type { Case, Conflict, Reason } from "./shapes.ts";
import { plain, releaseWords, stateTone, stateWords } from "./words.ts";
import type { Sentence, Tone } from "../sentences.ts";

type Told = Omit<Sentence, "subject">;

/** What an event of a clearance kind says; null for other kinds. */
export function clearanceSentence({ kind, object, change }: CorridorEvent): Told | null {
  switch (kind) {
    case "case":
      return caseSentence(object as unknown as Case);
    case "conflict":
      return conflictSentence(object as unknown as Conflict);
    case "release":
      return { text: `release ${releaseWords(String(object.state))}`, detail: String(object.reason ?? ""), tone: ["inspect", "detained", "timeout", "withdrawn"].includes(String(object.state)) ? "warn" : "cross" };
    case "filing":
      return { text: object.state === "withdrawn" ? "filing withdrawn" : change === "created" ? "filed for export" : "filing amended", detail: String(object.reference ?? ""), tone: "registry" };
    case "permit":
      return { text: `import permit ${object.state === "revoked" ? "revoked" : "granted"}`, detail: String(object.number ?? ""), tone: object.state === "revoked" ? "warn" : "registry" };
    case "seal":
      return { text: `seal ${String(object.seal ?? "")} ${String(object.state)}`, detail: "", tone: ["broken", "tampered"].includes(String(object.state)) ? "alarm" : "registry" };
    case "binding":
      return { text: `VIN and chassis number ${object.state === "bound" ? "bound" : object.state === "conflict" ? "in conflict" : "claimed"}`, detail: "", tone: object.state === "conflict" ? "warn" : "registry" };
    case "coupling":
      return { text: object.to ? "uncoupled" : String(object.how ?? "coupled"), detail: "", tone: "trip" };
    case "batch":
      return { text: object.complete ? "batch complete" : "batch changed", detail: String(object.batch ?? ""), tone: "registry" };
    case "regime":
      return { text: "regime published", detail: String(object.id ?? object.regime ?? ""), tone: "registry" };
    default:
      return null;
  }
}

const CASE_TONES: Record<string, Tone> = { bad: "alarm", held: "warn", way: "registry", here: "gate", good: "cross", over: "registry" };

function caseSentence(about: Case): Told {
  const first: Reason | undefined = about.reasons?.[0];
  const tone = CASE_TONES[stateTone(about.state)] ?? "registry";
  const text = about.state === "manual_verification" ? "sent to manual verification" : `clearance: ${stateWords(about.state).toLowerCase()}`;
  return { text, detail: first ? first.text || plain(first.code) : (about.reference ?? ""), tone };
}

function conflictSentence({ what, got, want, position, state, text }: Conflict): Told {
  if (state === "settled") return { text: "conflict settled by an officer", detail: "", tone: "cross" };
  return { text: `${what === "vin" ? "VIN" : what === "chassis" ? "chassis number" : plain(what)} differs`, detail: text || differenceWords(got, want, position), tone: "alarm" };
}

/** What other events tell already, or what comes by thousands, is left out. */
export function clearanceWorthTelling({ kind, object }: CorridorEvent): boolean {
  if (kind === "binding") return object.state === "conflict";
  if (kind === "seal") return object.state !== "locked";
  return !["filing", "coupling", "batch"].includes(kind);
}

/** The case that an event leads to, if it names one. */
export function caseOf({ kind, id, object }: CorridorEvent): string | null {
  if (kind === "case") return id;
  const named = object.case;
  return typeof named === "string" && named ? named : null;
}
