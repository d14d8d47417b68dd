/**
 * The page's own copy of the event stream: newest first, each revision once, whichever of the socket and the
 * catch-up request brought it. Pure. `cursor` is where to resume after a lost connection.
 */

import type { CorridorEvent } from "./types.ts";

export class EventLog {
  readonly items: CorridorEvent[] = [];
  cursor: string | null = null;
  private readonly known = new Set<string>();

  constructor(private readonly limit = 2000) {}

  /** Put older events, newest first, behind those that are there; the place to resume stays. */
  seed(events: readonly CorridorEvent[]): void {
    for (const event of events) {
      if (this.items.length >= this.limit || this.known.has(keyOf(event))) continue;
      this.known.add(keyOf(event));
      this.items.push(event);
    }
  }

  /** Take events in stream order; returns those that are new, in the same order. */
  add(events: readonly CorridorEvent[]): CorridorEvent[] {
    const fresh = events.filter((event) => {
      const key = keyOf(event);
      if (this.known.has(key)) return false;
      this.known.add(key);
      return true;
    });
    this.items.unshift(...fresh.slice().reverse());
    for (const event of this.items.splice(this.limit)) this.known.delete(keyOf(event));
    const last = events[events.length - 1];
    if (last) this.cursor = last.cursor;
    return fresh;
  }
}

const keyOf = (event: CorridorEvent) => `${event.id}#${event.revision}`;
