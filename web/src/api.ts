/** Requests to the API with the key. Answers are typed; a refusal is an ApiError with the problem's words. */

import type {
  Asset, CorridorEvent, Crossing, DryRun, Gate, Page, Revision, Signals, Stop, Track, Trip, Visit, ZoneCheck,
} from "./types.ts";
import { signalsFrom, trackFrom } from "./columns.ts";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The problem as the server sent it. */
    readonly problem: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export interface Identity {
  tenant?: string;
  role?: string;
  officer?: boolean;
  gates?: string[] | null;
}

const TIMEOUT_MS = 20_000;
/** A dry run reads days of samples. */
const LONG_MS = 300_000;

/** What was told of a truck and taken back. */
export type Retracted = { kind: string } & (Crossing | Visit | Trip | Stop);

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

  async trips(filter: Record<string, string>): Promise<Trip[]> {
    return (await this.json<Page<Trip>>("/v1/trips", filter)).items;
  }

  async stops(filter: Record<string, string>): Promise<Stop[]> {
    return (await this.json<Page<Stop>>("/v1/stops", filter)).items;
  }

  async retracted(asset: string): Promise<Retracted[]> {
    return (await this.json<Page<Retracted>>(`/v1/assets/${encodeURIComponent(asset)}/retracted`, { limit: "50" })).items;
  }

  /** The newest revisions of an object, newest first. */
  async revisions(id: string, limit: number): Promise<Revision[]> {
    return (await this.json<Page<Revision>>(`/v1/objects/${encodeURIComponent(id)}/revisions`, { limit: String(limit) })).items;
  }

  checkZones(zones: GeoJSON.Feature[]): Promise<ZoneCheck> {
    return this.send("POST", "/v1/zones/check", { zones });
  }

  /** Read a file of zones, whatever its form; `options` as the route names them. */
  checkFile(file: File, options: Record<string, string>): Promise<ZoneCheck> {
    return this.send("POST", `/v1/zones/check?${new URLSearchParams({ file: file.name, ...options }).toString()}`, file);
  }

  tryZones(zones: GeoJSON.Feature[], retire: string[], days: number): Promise<DryRun> {
    return this.send("POST", "/v1/zones/dry-run", { zones, retire, days });
  }

  publishZones(zones: GeoJSON.Feature[], valid_from_ms: number): Promise<unknown> {
    return this.send("POST", "/v1/zones", { zones, valid_from_ms });
  }

  retireZone(id: string): Promise<unknown> {
    return this.send("DELETE", `/v1/zones/${encodeURIComponent(id)}`);
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

  async json<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    return (await (await this.get(path, query, "application/json")).json()) as T;
  }

  get(path: string, query: Record<string, string>, accept: string): Promise<Response> {
    const search = new URLSearchParams(query).toString();
    return this.ask(`${path}${search ? `?${search}` : ""}`, { headers: { accept } }, TIMEOUT_MS);
  }

  async send<T>(method: string, path: string, body?: object): Promise<T> {
    const text = await (await this.post(method, path, body)).text();
    return (text ? JSON.parse(text) : null) as T;
  }

  /** Send JSON, the bytes of a file, or a form with files, whose kind the browser writes itself. */
  post(method: string, path: string, body?: object, accept = "application/json"): Promise<Response> {
    const headers: Record<string, string> = { accept };
    if (body instanceof Blob) headers["content-type"] = "application/octet-stream";
    else if (body && !(body instanceof FormData)) headers["content-type"] = "application/json";
    const raw = body instanceof Blob || body instanceof FormData ? body : body ? JSON.stringify(body) : null;
    return this.ask(path, { method, headers, body: raw }, LONG_MS);
  }

  private async ask(path: string, request: RequestInit & { headers: Record<string, string> }, timeout: number): Promise<Response> {
    const response = await fetch(`${this.base}${path}`, {
      ...request,
      headers: { ...request.headers, authorization: `Bearer ${this.key}` },
      signal: AbortSignal.timeout(timeout),
    });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    throw new ApiError(response.status, String(problem.detail ?? problem.title ?? `the server answered ${response.status}`), problem);
  }
}

const iso = (ms: number) => new Date(ms).toISOString();
