/** Ways to forge a record, each on a copy: for seeing what is caught, and where. */

import { base64, unbase64, utf8 } from "./bytes.ts";
import type { FeedRecord } from "./check.ts";

export interface Tampering {
  id: string;
  name: string;
  help: string;
  /** The forged copy; null when this record has nothing of the kind. */
  forge(record: FeedRecord): FeedRecord | null;
}

type Shown = { salt: string; content: string };
/** Bytes of one row of the group `place`, and where its latitude is. */
const ROW = 35;
const LAT = 12;
const KM_E7 = 89_932;

export const TAMPERINGS: Tampering[] = [
  { id: "move", name: "Move the first position 1 km north", help: "As one would to have crossed elsewhere.", forge: moved },
  { id: "edit", name: "Change one character of what it says", help: "The smallest edit there is.", forge: edited },
  { id: "salt", name: "Replace a salt", help: "To make another content fit.", forge: (record) => withShown(record, firstShown(record), (one) => ({ ...one, salt: flipped(one.salt) })) },
  { id: "entry", name: "Change the entry too", help: "So that the content fits its entry again.", forge: (record) => ({ ...record, entry: flipped(record.entry, 60) }) },
  { id: "place", name: "Claim another place in the log", help: "To have been there earlier.", forge: backdated },
  { id: "hash", name: "Change a hash on the way", help: "To lead to another root.", forge: (record) => proofWith(record, hashChanged) },
  { id: "root", name: "Sign another root", help: "By someone who has not the log's key.", forge: (record) => proofWith(record, rootChanged) },
];

function firstShown(record: FeedRecord): string | undefined {
  const names = Object.entries(record.groups ?? {}).filter(([, group]) => "content" in group).map(([name]) => name);
  return ["body", "place", "head"].find((name) => names.includes(name)) ?? names[0];
}

function withShown(record: FeedRecord, name: string | undefined, change: (one: Shown) => Shown | null): FeedRecord | null {
  const group = name === undefined ? undefined : record.groups?.[name];
  if (name === undefined || !group || !("content" in group)) return null;
  const made = change(group);
  return made && { ...record, groups: { ...record.groups, [name]: made } };
}

/** Base64 with one bit of the byte at `at` turned. */
function flipped(text: string, at = 0): string {
  const bytes = unbase64(text);
  if (!bytes || bytes.length === 0) return text;
  bytes[Math.min(at, bytes.length - 1)]! ^= 1;
  return base64(bytes);
}

function moved(record: FeedRecord): FeedRecord | null {
  if (record.kind !== "report") {
    return withShown(record, "place", (one) => {
      const text = new TextDecoder().decode(unbase64(one.content) ?? new Uint8Array());
      const north = text.replace(/(lat_e7":)(-?\d+)/, (_, name: string, value: string) => `${name}${Number(value) + KM_E7}`);
      return north === text ? null : { ...one, content: base64(utf8(north)) };
    });
  }
  return withShown(record, "place", (one) => {
    const bytes = unbase64(one.content);
    if (!bytes || bytes.length < ROW || bytes.length % ROW !== 0) return null;
    const view = new DataView(bytes.buffer);
    view.setInt32(LAT, view.getInt32(LAT, true) + KM_E7, true);
    return { ...one, content: base64(bytes) };
  });
}

function edited(record: FeedRecord): FeedRecord | null {
  const name = firstShown(record);
  return withShown(record, name, (one) => ({ ...one, content: flipped(one.content, Math.floor((unbase64(one.content)?.length ?? 0) / 2)) }));
}

function backdated(record: FeedRecord): FeedRecord | null {
  if (record.place === 0) return null;
  const place = record.place - 1;
  return { ...record, place, ...(record.proof ? { proof: record.proof.replace(/^index \d+$/m, `index ${place}`) } : {}) };
}

function proofWith(record: FeedRecord, change: (lines: string[]) => boolean): FeedRecord | null {
  const lines = record.proof?.split("\n");
  return lines && change(lines) ? { ...record, proof: lines.join("\n") } : null;
}

function hashChanged(lines: string[]): boolean {
  const at = lines.findIndex((line) => line.startsWith("index ")) + 1;
  if (at === 0 || !lines[at]) return false;
  lines[at] = flipped(lines[at]);
  return true;
}

function rootChanged(lines: string[]): boolean {
  const at = lines.indexOf("") + 3;
  if (at < 3 || !lines[at]) return false;
  lines[at] = flipped(lines[at]);
  return true;
}
