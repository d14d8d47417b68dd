/** What a record opens: its entry, the groups that are shown, the commitments of those that are not. */

import { hex, joined, same, sha256, unbase64, utf8, type Bytes } from "./bytes.ts";

export const ENTRY_BYTES = 84;
const SALT_BYTES = 16;
const COMMIT = new Uint8Array([2]);
const GROUPS = new Uint8Array([3]);
const KINDS = ["", "report", "event", "end"];

/** A group as it comes: opened by salt and content, or only committed to. */
export type Group = { salt: string; content: string } | { commitment: string };

export interface Entry {
  kind: string;
  partition: number;
  position: bigint;
  number: bigint;
  whole: Bytes;
  groups: Bytes;
}

export function entryOf(bytes: Bytes): Entry | null {
  if (bytes.length !== ENTRY_BYTES || bytes[0] !== 1) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const kind = KINDS[bytes[1]!];
  if (!kind) return null;
  return { kind, partition: view.getUint16(2), position: view.getBigUint64(4), number: view.getBigUint64(12), whole: bytes.slice(20, 52), groups: bytes.slice(52) };
}

function label(name: string): Bytes {
  const bytes = utf8(name);
  return joined(new Uint8Array([bytes.length]), bytes);
}

export function commitment(name: string, salt: Bytes, content: Bytes): Promise<Bytes> {
  return sha256(COMMIT, label(name), salt, content);
}

/** The commitment of a group, whether it is shown or not; null when it can't be read. */
export async function commitmentOf(name: string, group: Group): Promise<Bytes | null> {
  if ("commitment" in group) return unbase64(group.commitment);
  const salt = unbase64(group.salt);
  const content = unbase64(group.content);
  return salt?.length === SALT_BYTES && content ? commitment(name, salt, content) : null;
}

/** Each group's commitment in hex, whether `whole` is what the entry says, and whether all others are. */
export interface Opened {
  commitments: Record<string, string>;
  whole: boolean;
  groups: boolean;
}

export async function openedBy(entry: Entry, groups: Record<string, Group>): Promise<Opened | null> {
  const names = Object.keys(groups).sort((a, b) => (a < b ? -1 : 1));
  const commitments: Record<string, string> = {};
  const parts: Bytes[] = [GROUPS];
  let whole = false;
  for (const name of names) {
    const made = await commitmentOf(name, groups[name]!);
    if (!made) return null;
    commitments[name] = hex(made);
    if (name === "whole") whole = same(made, entry.whole);
    else parts.push(label(name), made);
  }
  return { commitments, whole, groups: same(await sha256(...parts), entry.groups) };
}
