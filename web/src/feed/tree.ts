/** The way from a leaf to the root of a Merkle tree (RFC 6962, RFC 9162 section 2.1.3.2). */

import { joined, sha256, type Bytes } from "./bytes.ts";

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** One step up: the hash beside, on which side it is, and what both make. */
export interface Step {
  beside: Bytes;
  left: boolean;
  made: Bytes;
}

export interface Path {
  leaf: Bytes;
  steps: Step[];
  root: Bytes;
}

export function leafHash(entry: Bytes): Promise<Bytes> {
  return sha256(LEAF, entry);
}

/** Walk up from the leaf at `index` of a tree of `size`. Null when so many hashes can't be its proof. */
export async function walk(leaf: Bytes, index: number, size: number, hashes: Bytes[]): Promise<Path | null> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return null;
  let at = BigInt(index);
  let last = BigInt(size - 1);
  let made = leaf;
  const steps: Step[] = [];
  for (const beside of hashes) {
    if (last === 0n) return null;
    const left = (at & 1n) === 1n || at === last;
    made = await sha256(joined(NODE, left ? beside : made, left ? made : beside));
    steps.push({ beside, left, made });
    if (left) {
      while ((at & 1n) === 0n && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    }
    at >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? { leaf, steps, root: made } : null;
}
