/** Numbers, times and durations as people read them. Pure: the clock and the zone are arguments. */

/** `14:03:12` in the zone of the reader, or in `zone` when given. */
export function clock(ms: number, zone?: string, seconds = true): string {
  return new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
    hour12: false,
    ...(zone ? { timeZone: zone } : {}),
  }).format(ms);
}

/** `22 Nov, 14:03`. */
export function dayClock(ms: number, zone?: string): string {
  const day = new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    ...(zone ? { timeZone: zone } : {}),
  }).format(ms);
  return `${day}, ${clock(ms, zone, false)}`;
}

/** `22 Nov 2026`. */
export function date(ms: number, zone?: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    ...(zone ? { timeZone: zone } : {}),
  }).format(ms);
}

/** A duration in its two largest units: `45 s`, `12 min`, `2 h 14 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  const min = Math.round(s / 60);
  if (min < 60) return s < 600 && s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${Math.floor(h / 24)} d`;
}

/** How long ago, for a reader: `now`, `8 s ago`, `5 min ago`. */
export function ago(ms: number): string {
  return ms < 2000 ? "now" : `${duration(ms)} ago`;
}

/** Half the width of a bracket: `±9 s`; an empty text when a bound is missing or the width is nothing. */
export function margin(earliest: number | null, latest: number | null): string {
  if (earliest === null || latest === null || latest <= earliest) return "";
  const half = (latest - earliest) / 2;
  return half < 950 ? `±${Math.max(0.1, half / 1000).toFixed(1)} s` : `±${duration(half)}`;
}

/** A number with thin thousands and as many decimals as `decimals`; a dash for null. */
export function number(value: number | null | undefined, decimals = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value.toLocaleString("en-GB", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

const POINTS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"] as const;

/** `214° SW`. */
export function heading(deg: number | null | undefined): string {
  if (deg === null || deg === undefined) return "–";
  const whole = ((Math.round(deg) % 360) + 360) % 360;
  return `${whole}° ${POINTS[Math.round(whole / 45) % 8]}`;
}

/** `21.1877° N, 101.6815° E`. */
export function place(lon: number, lat: number): string {
  const ns = lat < 0 ? "S" : "N";
  const ew = lon < 0 ? "W" : "E";
  return `${Math.abs(lat).toFixed(4)}° ${ns}, ${Math.abs(lon).toFixed(4)}° ${ew}`;
}

const COUNTRIES: Record<string, string> = {
  CN: "China",
  LA: "Laos",
  RU: "Russia",
  KZ: "Kazakhstan",
  MN: "Mongolia",
  MM: "Myanmar",
  VN: "Vietnam",
  TH: "Thailand",
  KG: "Kyrgyzstan",
  KH: "Cambodia",
  KP: "North Korea",
};

/** The country's English name, or the code itself. */
export function country(code: string | null | undefined): string {
  return code ? (COUNTRIES[code] ?? code) : "–";
}

/** Milliseconds of an RFC 3339 text, null for null or rubbish. */
export function instant(text: unknown): number | null {
  if (typeof text !== "string") return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

export const STATE_NAMES: Record<string, string> = {
  moving: "Moving",
  stopped: "Stopped",
  at_gate: "At gate",
  silent: "Silent",
};
