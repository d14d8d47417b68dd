/** Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-proof): read, and signatures checked. */

import { joined, same, sha256, unbase64, utf8, type Bytes } from "./bytes.ts";

const LOG = 1;
const WITNESS = 4;
const HEAD = "c2sp.org/tlog-proof@v1";

export interface Line {
  name: string;
  id: Bytes;
  blob: Bytes;
}

export interface Checkpoint {
  text: string;
  origin: string;
  size: number;
  root: Bytes;
  lines: Line[];
}

export interface Proof {
  index: number;
  hashes: Bytes[];
  checkpoint: Checkpoint;
}

export interface Key {
  name: string;
  kind: number;
  public: Bytes;
  id: Bytes;
}

/** The key of its text form, null when it is none. */
export async function keyOf(text: string): Promise<Key | null> {
  const [name, , ...rest] = text.split("+");
  const data = unbase64(rest.join("+"));
  if (!name || !data || data.length !== 33 || (data[0] !== LOG && data[0] !== WITNESS)) return null;
  const kind = data[0];
  const key = data.slice(1);
  const id = (await sha256(utf8(`${name}\n`), new Uint8Array([kind]), key)).slice(0, 4);
  return { name, kind, public: key, id };
}

export function checkpointOf(note: string): Checkpoint | null {
  const cut = note.lastIndexOf("\n\n");
  if (cut < 0) return null;
  const text = note.slice(0, cut + 1);
  const lines: Line[] = [];
  for (const line of note.slice(cut + 2).split("\n").filter(Boolean)) {
    const [dash, name, blob] = line.split(" ");
    const bytes = unbase64(blob ?? "");
    if (dash !== "—" || !name || !bytes || bytes.length < 5) return null;
    lines.push({ name, id: bytes.slice(0, 4), blob: bytes.slice(4) });
  }
  const [origin, size, root] = text.split("\n");
  const hash = unbase64(root ?? "");
  if (!origin || !size || !/^(0|[1-9][0-9]*)$/.test(size) || hash?.length !== 32) return null;
  return { text, origin, size: Number(size), root: hash, lines };
}

export function proofOf(text: string): Proof | null {
  const cut = text.indexOf("\n\n");
  const [head, ...lines] = text.slice(0, cut).split("\n");
  if (cut < 0 || head !== HEAD) return null;
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = /^index (0|[1-9][0-9]*)$/.exec(lines.shift() ?? "");
  const hashes = lines.map(unbase64);
  const checkpoint = checkpointOf(text.slice(cut + 2));
  if (!index || !checkpoint || !hashes.every((one): one is Bytes => one?.length === 32)) return null;
  return { index: Number(index[1]), hashes, checkpoint };
}

/** Whether this browser can check Ed25519 at all: old ones can't, and none can without a secure address. */
export async function canCheck(): Promise<boolean> {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** Whether `key` signed the checkpoint: null when no line is its own. */
export async function signedBy(checkpoint: Checkpoint, key: Key): Promise<boolean | null> {
  const line = checkpoint.lines.find((one) => one.name === key.name && same(one.id, key.id));
  if (!line) return null;
  const witness = key.kind === WITNESS;
  if (line.blob.length !== (witness ? 72 : 64)) return false;
  const signature = witness ? line.blob.slice(8) : line.blob;
  const message = witness ? joined(utf8(`cosignature/v1\ntime ${seconds(line.blob)}\n`), utf8(checkpoint.text)) : utf8(checkpoint.text);
  const made = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", made, signature, message);
}

/** When a witness cosigned, POSIX seconds, as its line says. */
export function seconds(blob: Bytes): bigint {
  return new DataView(blob.buffer, blob.byteOffset, 8).getBigUint64(0);
}
