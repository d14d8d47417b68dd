/** The requests of the Feed view, on the one API client. */

import type { Api } from "../api.ts";
import type { Page } from "../types.ts";
import type { FeedRecord } from "./check.ts";

/** A grant: who may read what of whom, until when. */
export interface Feed {
  id: string;
  consumer: string;
  purpose: string;
  assets: unknown;
  kinds: string[];
  fields: string;
  driver: boolean;
  from?: string | null;
  to?: string | null;
  expires?: string | null;
  revoked?: string | null;
}

export interface Log {
  log: number;
  origin: string;
  key: string;
  size?: number;
}

/** What is read at once: records in ledger order, and where the next ones begin. */
export interface FeedPage {
  records: FeedRecord[];
  next: string | null;
  more: boolean;
  sent: Record<string, number>;
}

const part = encodeURIComponent;
export const PAGE_RECORDS = 50;

export class Feeds {
  constructor(readonly api: Api) {}

  async list(): Promise<Feed[]> {
    return (await this.api.json<Page<Feed>>("/v1/feeds")).items;
  }

  async logs(id: string): Promise<Log[]> {
    return (await this.api.json<{ logs: Log[] }>(`/v1/feeds/${part(id)}/logs`)).logs;
  }

  async records(id: string, after: string | null): Promise<FeedPage> {
    const query = { limit: String(PAGE_RECORDS), proofs: "inline", ...(after ? { after } : {}) };
    const text = await (await this.api.get(`/v1/feeds/${part(id)}/records`, query, "application/x-ndjson")).text();
    return pageOf(text);
  }
}

/** The lines of a page: records, and last what was sent. Throws when the last one is missing: it was cut off. */
export function pageOf(text: string): FeedPage {
  const lines = text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as FeedRecord | { page: Omit<FeedPage, "records"> });
  const last = lines.pop();
  if (!last || !("page" in last)) throw new Error("the page of records was cut off: its last line is missing");
  const { next, more, sent } = last.page;
  const records = lines as FeedRecord[];
  const counted = sent.records ?? records.length;
  if (counted !== records.length) throw new Error(`the page says ${counted} records, ${records.length} came`);
  return { records, next, more, sent };
}
