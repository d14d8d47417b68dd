/** Every check of one record, done here in the browser: nothing is taken from the server's word. */

import { unbase64, hex } from "./bytes.ts";
import { canCheck, keyOf, proofOf, signedBy, type Proof } from "./note.ts";
import { entryOf, openedBy, type Entry, type Group } from "./opening.ts";
import { leafHash, walk, type Path } from "./tree.ts";

export interface FeedRecord {
  log: number;
  place: number;
  kind: string;
  asset: string;
  t_ms: number;
  entry: string;
  groups?: Record<string, Group>;
  redacted?: boolean;
  data?: Record<string, unknown>;
  assurance?: { level: string; checks?: { name: string; result: string; why: string }[]; vouched_by?: string };
  completeness?: Record<string, unknown>;
  proof?: string;
}

/** `holds` null: it can't be checked here, and `says` why. */
export interface Check {
  name: "content" | "entry" | "path" | "signature" | "witness";
  holds: boolean | null;
  says: string;
}

export interface Checked {
  checks: Check[];
  entry: Entry | null;
  proof: Proof | null;
  path: Path | null;
  /** Whether the root that the path leads to is the one that is signed. */
  joins: boolean;
}

/** Check a record with the keys (text form) of its log and of witnesses that are trusted. */
export async function check(record: FeedRecord, keys: string[], witnesses: string[] = []): Promise<Checked> {
  const checks: Check[] = [];
  const bytes = unbase64(record.entry);
  const entry = bytes ? entryOf(bytes) : null;
  const proof = record.proof ? proofOf(record.proof) : null;
  if (!bytes || !entry) checks.push({ name: "entry", holds: false, says: "The entry can't be read." });
  else checks.push(await contentCheck(entry, record));
  let path: Path | null = null;
  let joins = false;
  if (!proof) checks.push({ name: "path", holds: false, says: record.proof ? "The proof can't be read." : "No proof came with the record." });
  else if (bytes && entry) {
    const { checkpoint } = proof;
    path = await walk(await leafHash(bytes), proof.index, checkpoint.size, proof.hashes);
    joins = path !== null && hex(path.root) === hex(checkpoint.root) && proof.index === record.place;
    checks.push({ name: "path", holds: joins, says: pathWords(record, proof, path, joins) });
    checks.push(...(await signatures(proof, keys, witnesses)));
  }
  return { checks, entry, proof, path, joins };
}

async function contentCheck(entry: Entry, record: FeedRecord): Promise<Check> {
  const name = "content";
  if (record.redacted || !record.groups) return { name, holds: null, says: "Its content was deleted; that it was there stays proven." };
  const opened = await openedBy(entry, record.groups);
  if (!opened) return { name, holds: false, says: "A salt or content can't be read." };
  const shown = Object.entries(record.groups).filter(([, group]) => "content" in group).map(([group]) => group);
  const wrong = [opened.whole ? "" : "the record as a whole", opened.groups ? "" : "the groups"].filter(Boolean);
  if (wrong.length) return { name, holds: false, says: `What is shown is not what the log committed to: ${wrong.join(" and ")}.` };
  return { name, holds: true, says: `${shown.length ? `${shown.join(", ")}: to the byte what` : "Hidden, and so: the hashes are what"} the log committed to.` };
}

function pathWords(record: FeedRecord, proof: Proof, path: Path | null, joins: boolean): string {
  const { size } = proof.checkpoint;
  if (!path) return `${proof.hashes.length} hashes can't be a proof of entry ${proof.index} in a tree of ${size}.`;
  if (proof.index !== record.place) return `The proof is of entry ${proof.index}, the record says ${record.place}.`;
  return joins ? `${proof.hashes.length} hashes lead from entry ${proof.index} to the signed root of ${size} entries.` : "The hashes lead to another root than the signed one.";
}

async function signatures(proof: Proof, keys: string[], witnesses: string[]): Promise<Check[]> {
  const { checkpoint } = proof;
  if (!(await canCheck())) {
    return [{ name: "signature", holds: null, says: "This browser can't check Ed25519: use corridor verify." }];
  }
  const found: Check[] = [];
  const own = (await Promise.all(keys.map(keyOf))).find((key) => key?.name === checkpoint.origin);
  if (!own) found.push({ name: "signature", holds: false, says: `No trusted key for ${checkpoint.origin}.` });
  else {
    const holds = (await signedBy(checkpoint, own)) === true;
    found.push({ name: "signature", holds, says: holds ? `Signed by ${own.name}.` : `Not signed by ${own.name}.` });
  }
  for (const key of await Promise.all(witnesses.map(keyOf))) {
    if (!key) continue;
    const signed = await signedBy(checkpoint, key);
    if (signed !== null) found.push({ name: "witness", holds: signed, says: signed ? `Witness ${key.name} saw it grow.` : `The signature of witness ${key.name} does not hold.` });
  }
  return found;
}
