/** The clearance requests of the page, on the one API client. */

import type { Api } from "../api.ts";
import type { Page, Revision } from "../types.ts";
import { rowsFrom } from "./boardrows.ts";
import type { BoardRow, Case, ExplainRevision, Report } from "./shapes.ts";
import type { ReconcileAnswer } from "./findings.ts";

const part = encodeURIComponent;

export class Clearance {
  constructor(readonly api: Api) {}

  async board(gate: string): Promise<BoardRow[]> {
    return rowsFrom(await this.api.json(`/v1/gates/${part(gate)}/board`));
  }

  async cases(asset: string): Promise<Case[]> {
    return (await this.api.json<Page<Case>>("/v1/cases", { asset, limit: "10" })).items;
  }

  case(id: string): Promise<Case> {
    return this.api.json(`/v1/cases/${part(id)}`);
  }

  async explain(id: string): Promise<ExplainRevision[]> {
    return (await this.api.json<{ revisions: ExplainRevision[] }>(`/v1/cases/${part(id)}/explain`)).revisions;
  }

  /** The newest revision of any object by its id, or null when it can't be read. */
  async object<T>(id: string | null | undefined): Promise<(T & { id: string; revision: number }) | null> {
    if (!id) return null;
    const found = await this.api.json<Page<Revision>>(`/v1/objects/${part(id)}/revisions`, { limit: "1" }).catch(() => null);
    const newest = found?.items[0];
    return newest ? ({ ...newest.object, id, revision: newest.revision, change: newest.change, why: newest.why } as unknown as T & { id: string; revision: number }) : null;
  }

  decide(id: string, decision: string, reason: string): Promise<unknown> {
    return this.api.send("POST", `/v1/cases/${part(id)}/decisions`, { decision, reason });
  }

  settle(id: string, vin: string, chassis: string, reason: string): Promise<unknown> {
    return this.api.send("POST", `/v1/cases/${part(id)}/settle`, { vin, chassis: chassis || null, reason });
  }

  /** Of the cases lodged since `from`, by the server's clock. */
  report(gate: string, from: string): Promise<Report> {
    return this.api.json(`/v1/gates/${part(gate)}/clearance`, { from });
  }

  reconcile(files: FormData): Promise<ReconcileAnswer> {
    return this.api.send("POST", "/v1/reconcile", files);
  }

  /** The same report in another form; `accept` is its media type. */
  async reconciled(files: FormData, accept: string, format: string): Promise<Blob> {
    return (await this.api.post("POST", `/v1/reconcile?format=${part(format)}`, files, accept)).blob();
  }
}
