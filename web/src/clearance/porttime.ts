/**
 * Local time of a port, with the zone named: `14:05 China time`. A gate has two ports and often two zones,
 * so whatever shows times says by which. Pure but for the kept choice.
 */

import { country } from "../format.ts";

/** Zones where the whole country is not one: by gate and country. */
const AT_GATE: Record<string, string> = {
  "manzhouli-zabaikalsk RU": "Asia/Chita",
  "suifenhe-pogranichny RU": "Asia/Vladivostok",
  "heihe-blagoveshchensk RU": "Asia/Yakutsk",
};

const OF_COUNTRY: Record<string, string> = {
  CN: "Asia/Shanghai", LA: "Asia/Vientiane", KZ: "Asia/Almaty", MN: "Asia/Ulaanbaatar", VN: "Asia/Ho_Chi_Minh", MM: "Asia/Yangon",
  TH: "Asia/Bangkok", KG: "Asia/Bishkek", KP: "Asia/Pyongyang", HK: "Asia/Hong_Kong", GB: "Europe/London", FR: "Europe/Paris",
};

export class PortTime {
  /** IANA name; UTC where the zone of the port is not known. */
  readonly zone: string;

  constructor(gate: string | null, readonly side: string) {
    this.zone = AT_GATE[`${gate} ${side}`] ?? OF_COUNTRY[side] ?? "UTC";
  }

  /** `China time, UTC+8`. */
  name(at: number): string {
    if (this.zone === "UTC") return "UTC";
    return `${country(this.side)} time, ${offset(this.zone, at)}`;
  }

  /** `14:05`, with seconds when asked. */
  clock(ms: number, seconds = false): string {
    return format(ms, this.zone, { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) });
  }

  /** `14:05` on the day of `now`, else `23 Nov, 14:05`. */
  short(ms: number, now: number): string {
    return this.day(ms) === this.day(now) ? this.clock(ms) : this.dated(ms);
  }

  /** `22 Nov, 14:05`. */
  dated(ms: number): string {
    return `${this.day(ms)}, ${this.clock(ms)}`;
  }

  /** `22 Nov, 14:05:33`. */
  full(ms: number): string {
    return `${this.day(ms)}, ${this.clock(ms, true)}`;
  }

  day(ms: number): string {
    return format(ms, this.zone, { day: "numeric", month: "short" });
  }
}

function format(ms: number, zone: string, parts: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat("en-GB", { ...parts, hour12: false, timeZone: zone }).format(ms);
}

/** `UTC+8`, `UTC+5:30`. */
export function offset(zone: string, at: number): string {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(at);
  const told = parts.find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  return told.replace("GMT", "UTC").replace(/([+-])0(\d)/, "$1$2").replace(":00", "");
}

/** `CN>LA` as its two countries. */
export function ends(direction: string | null | undefined): [from: string, to: string] {
  const [from = "", to = ""] = (direction ?? "").split(">");
  return [from, to];
}

const UTC_INSTANT = /(\d{4}-\d\d-\d\d) (\d\d:\d\d)(:\d\d)? UTC(?: \(not before (\d\d:\d\d:\d\d), not after (\d\d:\d\d:\d\d)\))?/g;

/** A sentence of the server with its instants, which are UTC, by the port's clock. */
export function localised(sentence: string, time: PortTime): string {
  return sentence.replace(UTC_INSTANT, (_, day: string, minute: string, second?: string, from?: string, to?: string) => {
    const ms = (clock: string) => Date.parse(`${day}T${clock}Z`);
    const said = second ? time.full(ms(minute + second)) : time.dated(ms(minute));
    return from && to ? `${said} (not before ${time.clock(ms(from), true)}, not after ${time.clock(ms(to), true)})` : said;
  });
}
