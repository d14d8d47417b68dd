/** Requests to the API with the key. Answers are typed; a refusal is an ApiError with the problem's words. */

import type { Asset, CorridorEvent, Crossing, Gate, Page, Signals, Track, Visit } from "./types.ts";
import { signalsFrom, trackFrom } from "./columns.ts";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Identity {
  tenant?: string;
  role?: string;
}

const TIMEOUT_MS = 20_000;

export class Api {
  constructor(
    readonly key: string,
    private readonly base = "",
  ) {}

  whoami(): Promise<Identity> {
    return this.json("/v1/whoami");
  }

  positions(): Promise<GeoJSON.FeatureCollection<GeoJSON.Point>> {
    return this.json("/v1/positions");
  }

  zones(): Promise<GeoJSON.FeatureCollection> {
    return this.json("/v1/zones");
  }

  async gates(): Promise<Gate[]> {
    return (await this.json<Page<Gate>>("/v1/gates")).items;
  }

  asset(id: string): Promise<Asset> {
    return this.json(`/v1/assets/${encodeURIComponent(id)}`);
  }

  async crossings(filter: Record<string, string>): Promise<Crossing[]> {
    return (await this.json<Page<Crossing>>("/v1/crossings", filter)).items;
  }

  async visits(filter: Record<string, string>): Promise<Visit[]> {
    return (await this.json<Page<Visit>>("/v1/visits", filter)).items;
  }

  async track(asset: string, from: number, to: number, points: number): Promise<Track> {
    const query = { from: iso(from), to: iso(to), points: String(points), format: "json" };
    return trackFrom(await this.json(`/v1/assets/${encodeURIComponent(asset)}/track`, query));
  }

  async signals(asset: string, names: readonly string[], from: number, to: number, points: number): Promise<Signals> {
    const query = { names: names.join(","), from: iso(from), to: iso(to), points: String(points) };
    return signalsFrom(await this.json(`/v1/assets/${encodeURIComponent(asset)}/signals`, query), names);
  }

  /** Up to `limit` events after `cursor`, in stream order. */
  async events(cursor: string | null, limit: number): Promise<CorridorEvent[]> {
    const query: Record<string, string> = { limit: String(limit) };
    if (cursor) query.after = cursor;
    const text = await (await this.get("/v1/events", query, "application/x-ndjson")).text();
    return text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as CorridorEvent);
  }

  private async json<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    return (await (await this.get(path, query, "application/json")).json()) as T;
  }

  private async get(path: string, query: Record<string, string>, accept: string): Promise<Response> {
    const search = new URLSearchParams(query).toString();
    const response = await fetch(`${this.base}${path}${search ? `?${search}` : ""}`, {
      headers: { authorization: `Bearer ${this.key}`, accept },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
    throw new ApiError(response.status, problem.detail ?? problem.title ?? `the server answered ${response.status}`);
  }
}

const iso = (ms: number) => new Date(ms).toISOString();
