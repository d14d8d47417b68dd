/** Bytes: base64, hex, joined, compared, hashed. */

export type Bytes = Uint8Array<ArrayBuffer>;

/** The bytes of base64 (RFC 4648, with padding); null when it is none, or not written the one right way. */
export function unbase64(text: string): Bytes | null {
  try {
    const raw = atob(text);
    if (btoa(raw) !== text) return null;
    return Uint8Array.from(raw, (one) => one.charCodeAt(0));
  } catch {
    return null;
  }
}

export function base64(bytes: Bytes): string {
  return btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""));
}

export function hex(bytes: Bytes): string {
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

export function joined(...parts: Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function same(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

export async function sha256(...parts: Bytes[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}
