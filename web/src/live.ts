/**
 * The live connection: one WebSocket, opened again with growing pauses whenever it is lost, and a watch that
 * drops a socket on which nothing is heard. It reports what arrives and how it stands; it keeps no data.
 * Socket, timers and chance are arguments, so that its rules are tested without a network.
 */

import { pause } from "./backoff.ts";
import type { CorridorEvent, PositionRow } from "./types.ts";

export type LiveStatus =
  | { phase: "connecting"; attempt: number }
  | { phase: "live" }
  | { phase: "waiting"; attempt: number; retryAt: number; lostAt: number }
  | { phase: "refused"; reason: string };

export interface LiveHandlers {
  status(status: LiveStatus): void;
  welcome(cursor: string | null): void;
  positions(rows: PositionRow[]): void;
  event(event: CorridorEvent): void;
  /** The server dropped events for this page, which has to ask for them. */
  lag(): void;
  /** Nothing was heard for a while: resolve to true when the server still answers. */
  alive(): Promise<boolean>;
}

export interface LiveWorld {
  open(): WebSocket;
  now(): number;
  chance(): number;
  after(ms: number, run: () => void): unknown;
  cancel(timer: unknown): void;
}

const QUIET_MS = 20_000;
const WELCOME_MS = 10_000;
const REFUSED_CODES = [1008, 4401, 4403, 3000, 3003];

interface Message {
  type: string;
  cursor?: string | null;
  items?: PositionRow[];
}

export class Live {
  status: LiveStatus = { phase: "connecting", attempt: 0 };
  private socket: WebSocket | null = null;
  private attempt = 0;
  private lostAt = 0;
  private timer: unknown = null;

  constructor(
    private readonly key: string,
    private readonly handlers: LiveHandlers,
    private readonly world: LiveWorld,
  ) {}

  start(): void {
    this.stopTimer();
    this.set({ phase: "connecting", attempt: this.attempt });
    const socket = this.world.open();
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", key: this.key, view: null, max_hz: 2 }));
    socket.onmessage = (message: MessageEvent<string>) => this.heard(socket, message.data);
    socket.onclose = (close: CloseEvent) => this.lost(socket, close.code, close.reason);
    this.wait(WELCOME_MS, () => this.drop(socket));
  }

  /** Try at once, for a person who presses the button or a network that is back. */
  retry(): void {
    if (this.status.phase === "waiting") this.start();
  }

  /** Open a new socket although this one stands: something was missed that only a new start repairs. */
  restart(): void {
    if (this.socket) this.drop(this.socket);
  }

  stop(): void {
    this.stopTimer();
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private heard(socket: WebSocket, text: string): void {
    if (socket !== this.socket) return;
    this.wait(QUIET_MS, () => void this.check(socket));
    const message = JSON.parse(text) as Message;
    if (message.type === "welcome") {
      this.attempt = 0;
      this.set({ phase: "live" });
      this.handlers.welcome(message.cursor ?? null);
    } else if (message.type === "positions") this.handlers.positions(message.items ?? []);
    else if (message.type === "lag") this.handlers.lag();
    else if (message.type === "event") this.handlers.event(message as unknown as CorridorEvent);
  }

  private async check(socket: WebSocket): Promise<void> {
    const alive = await this.handlers.alive().catch(() => false);
    if (socket !== this.socket) return;
    if (alive) this.wait(QUIET_MS, () => void this.check(socket));
    else this.drop(socket);
  }

  /** Give up a socket that may never tell of its own end. */
  private drop(socket: WebSocket): void {
    socket.close();
    this.lost(socket, 1006, "");
  }

  private lost(socket: WebSocket, code: number, reason: string): void {
    if (socket !== this.socket) return;
    this.socket = null;
    if (REFUSED_CODES.includes(code)) {
      this.stopTimer();
      this.set({ phase: "refused", reason: reason || "the server refused the key" });
      return;
    }
    if (this.attempt === 0) this.lostAt = this.world.now();
    const ms = pause(this.attempt++, this.world.chance());
    this.set({ phase: "waiting", attempt: this.attempt, retryAt: this.world.now() + ms, lostAt: this.lostAt });
    this.wait(ms, () => this.start());
  }

  private set(status: LiveStatus): void {
    this.status = status;
    this.handlers.status(status);
  }

  private wait(ms: number, run: () => void): void {
    this.stopTimer();
    this.timer = this.world.after(ms, run);
  }

  private stopTimer(): void {
    if (this.timer !== null) this.world.cancel(this.timer);
    this.timer = null;
  }
}

/** The real socket, clock and timers. */
export function browserWorld(): LiveWorld {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return {
    open: () => new WebSocket(`${scheme}://${location.host}/v1/live`),
    now: () => Date.now(),
    chance: () => Math.random(),
    after: (ms, run) => window.setTimeout(run, ms),
    cancel: (timer) => window.clearTimeout(timer as number),
  };
}
