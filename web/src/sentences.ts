/** Events as sentences. Pure: an event and the truck's name give the words, a tone and a glyph. */

import { clearanceSentence } from "./clearance/events.ts";
import type { Bracket, CorridorEvent } from "./types.ts";
import { country, duration, instant, margin, clock } from "./format.ts";

export type Tone = "cross" | "gate" | "zone" | "trip" | "registry" | "stop" | "warn" | "alarm";

export interface Sentence {
  subject: string;
  text: string;
  detail: string;
  tone: Tone;
}

function bracketClock(bracket: Bracket | null | undefined, zone?: string): string {
  if (!bracket) return "";
  const at = instant(bracket.estimate);
  if (at === null) return "";
  const width = margin(instant(bracket.earliest), instant(bracket.latest));
  return width ? `${clock(at, zone)} ${width}` : clock(at, zone);
}

function text(value: unknown, other = ""): string {
  return typeof value === "string" && value ? value : other;
}

/** A span of time in an object, whichever of the unit's spellings the API uses, as ms. */
export function span(object: Record<string, unknown>, name: string): number | null {
  const ms = object[`${name}_ms`];
  if (typeof ms === "number") return ms;
  const s = object[`${name}_s`];
  return typeof s === "number" ? s * 1000 : null;
}

const arrow = (direction: unknown) => text(direction).replace(">", " → ");

function crossing(object: Record<string, unknown>, zone?: string): Omit<Sentence, "subject"> {
  const gate = text(object.gate_name, "the gate");
  const way = arrow(object.direction);
  const stages = (object.stages ?? {}) as Record<string, Bracket | null>;
  const took = span(object, "duration");
  switch (object.state) {
    case "approaching":
      return { text: `approaches ${gate}`, detail: way, tone: "gate" };
    case "at_exit_port":
      return { text: `reached the exit port at ${gate}`, detail: join(way, bracketClock(stages.exit_port, zone)), tone: "gate" };
    case "between":
    case "at_entry_port": {
      if (!stages.line) return { text: `reached the entry port at ${gate}`, detail: way, tone: "gate" };
      const at = bracketClock(stages.line, zone);
      const entered = object.state === "at_entry_port" ? "crossed the line, now at the entry port of" : "crossed the line at";
      return { text: `${entered} ${gate}`, detail: join(way, at), tone: "cross" };
    }
    case "completed": {
      const how = took === null ? "" : `in ${duration(took)}`;
      return { text: `completed the crossing at ${gate}`, detail: join(way, how), tone: "cross" };
    }
    case "off_gate":
      return { text: "crossed the border away from any gate", detail: join(way, bracketClock(stages.line, zone)), tone: "alarm" };
    case "turned_back":
      return { text: `turned back at ${gate}`, detail: way, tone: "warn" };
    default:
      return { text: `crossing at ${gate}: ${text(object.state, "unknown state")}`, detail: way, tone: "gate" };
  }
}

function join(...parts: string[]): string {
  return parts.filter(Boolean).join(" · ");
}

function visit(object: Record<string, unknown>, zone?: string): Omit<Sentence, "subject"> {
  const kind = text(object.zone_kind);
  const name = kind === "country" ? country(text(object.country, text(object.zone_name))) : text(object.zone_name, "a zone");
  const tone: Tone = kind === "port" ? "gate" : "zone";
  const dwell = span(object, "dwell");
  if (object.how === "possible") {
    const share = typeof object.confidence === "number" ? `${Math.round(object.confidence * 100)} % sure` : "";
    return { text: `may have passed through ${name}`, detail: share, tone };
  }
  if (object.state === "closed") {
    const verb = object.how === "cut" ? "passed through" : "left";
    return { text: `${verb} ${name}`, detail: dwell === null ? "" : `after ${duration(dwell)}`, tone };
  }
  const enter = object.enter as Bracket | null;
  if (object.how === "open_beginning") return { text: `is in ${name}`, detail: "since before the first fix", tone };
  return { text: `entered ${name}`, detail: bracketClock(enter, zone), tone };
}

function trip(object: Record<string, unknown>): Omit<Sentence, "subject"> {
  if (object.state !== "closed") return { text: "set off", detail: "", tone: "trip" };
  const metres = object.distance_m;
  const far = typeof metres === "number" ? `${(metres / 1000).toFixed(1)} km` : "";
  return { text: "ended its trip", detail: far, tone: "trip" };
}

function stop(object: Record<string, unknown>): Omit<Sentence, "subject"> {
  const long = span(object, "duration");
  if (object.state !== "closed") return { text: "stands still", detail: "", tone: "stop" };
  return { text: "moved on", detail: long === null ? "" : `after ${duration(long)}`, tone: "stop" };
}

function late(object: Record<string, unknown>): Omit<Sentence, "subject"> {
  const n = typeof object.samples === "number" ? `${object.samples} samples` : "samples";
  return { text: `sent ${n} too old to change anything`, detail: text(object.device), tone: "warn" };
}

function command(object: Record<string, unknown>): Omit<Sentence, "subject"> {
  const what = text(object.command, "command");
  if (object.ok !== false) return { text: `${what} done`, detail: "", tone: "registry" };
  const error = (object.error ?? {}) as Record<string, unknown>;
  return { text: `${what} refused`, detail: text(error.detail), tone: "warn" };
}

/** The event as one sentence about `name`. `zone` is an IANA time zone, the reader's when left out. */
export function sentence(event: CorridorEvent, name: string, zone?: string): Sentence {
  const object = event.object;
  if (event.change === "retracted") {
    const why = (object.why ?? {}) as { merged_into?: string };
    if (why.merged_into) return { subject: name, text: `${event.kind} merged with another one`, detail: "", tone: "warn" };
    return { subject: name, text: `${event.kind} withdrawn`, detail: "it never was", tone: "warn" };
  }
  switch (event.kind) {
    case "crossing":
      return { subject: name, ...crossing(object, zone) };
    case "visit":
      return { subject: name, ...visit(object, zone) };
    case "trip":
      return { subject: name, ...trip(object) };
    case "asset":
      return { subject: text(object.name, name), text: event.revision > 1 ? "registry entry changed" : "registered", detail: text(object.vin), tone: "registry" };
    case "device":
      return {
        subject: text(object.device, "Device"),
        text: object.to ? `taken off ${name}` : `fitted to ${name}`,
        detail: "",
        tone: "registry",
      };
    case "stop":
      return { subject: name, ...stop(object) };
    case "late":
      return { subject: name, ...late(object) };
    case "zone":
      return { subject: text(object.name, "Zone"), text: `zone ${event.change === "created" ? "published" : "changed"}`, detail: text(object.kind), tone: "zone" };
    case "command":
      return { subject: "Registry", ...command(object) };
    default: {
      const told = clearanceSentence(event);
      return { subject: name, ...(told ?? { text: `${String(event.kind)} ${String(event.change)}`, detail: "", tone: "registry" }) };
    }
  }
}
