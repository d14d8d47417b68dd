import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_MS, LONGEST_MS, pause } from "../src/backoff.ts";
import { Live, type LiveStatus, type LiveWorld } from "../src/live.ts";

class FakeSocket {
  sent: string[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: { code: number; reason: string }) => void) | null = null;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

function setUp(alive = async () => true) {
  const sockets: FakeSocket[] = [];
  const timers = new Map<number, { at: number; run: () => void }>();
  let now = 0;
  let ids = 0;
  const world: LiveWorld = {
    open: () => {
      sockets.push(new FakeSocket());
      return sockets[sockets.length - 1] as unknown as WebSocket;
    },
    now: () => now,
    chance: () => 0.5,
    after: (ms, run) => {
      timers.set(++ids, { at: now + ms, run });
      return ids;
    },
    cancel: (timer) => timers.delete(timer as number),
  };
  const heard: unknown[] = [];
  const statuses: LiveStatus[] = [];
  const live = new Live("k", {
    status: (status) => statuses.push(status),
    welcome: (cursor) => heard.push(["welcome", cursor]),
    positions: (rows) => heard.push(["positions", rows.length]),
    event: (event) => heard.push(["event", event.id]),
    lag: () => heard.push(["lag"]),
    alive,
  }, world);
  const wait = async (ms: number) => {
    now += ms;
    for (const [id, timer] of [...timers]) {
      if (timer.at > now || !timers.delete(id)) continue;
      timer.run();
      await new Promise((done) => setImmediate(done));
    }
  };
  return { live, sockets, heard, statuses, wait };
}

test("pauses double up to a limit and are spread by chance", () => {
  const full = [0, 1, 2, 3, 4, 5, 6, 40].map((attempt) => pause(attempt, 1));
  assert.deepEqual(full, [500, 1000, 2000, 4000, 8000, LONGEST_MS, LONGEST_MS, LONGEST_MS]);
  assert.equal(pause(0, 0), FIRST_MS * 0.6);
});

test("it says hello, then passes on what it hears", () => {
  const { live, sockets, heard, statuses } = setUp();
  live.start();
  sockets[0]!.onopen!();
  assert.deepEqual(JSON.parse(sockets[0]!.sent[0]!), { type: "hello", key: "k", view: null, max_hz: 2 });
  sockets[0]!.say({ type: "welcome", cursor: "c1" });
  sockets[0]!.say({ type: "positions", items: [["a"], ["b"]] });
  sockets[0]!.say({ type: "event", id: "e1" });
  sockets[0]!.say({ type: "lag", cursor: "c0", dropped: 4 });
  sockets[0]!.say({ type: "of a later version" });
  assert.deepEqual(heard, [["welcome", "c1"], ["positions", 2], ["event", "e1"], ["lag"]]);
  assert.deepEqual(statuses.map(({ phase }) => phase), ["connecting", "live"]);
});

test("a lost connection is tried again with growing pauses until it stands, then from the shortest", async () => {
  const { live, sockets, statuses, wait } = setUp();
  live.start();
  const pauses: number[] = [];
  for (let i = 0; i < 4; i++) {
    sockets[sockets.length - 1]!.onclose!({ code: 1006, reason: "" });
    const last = statuses[statuses.length - 1]!;
    assert.equal(last.phase, "waiting");
    pauses.push(last.phase === "waiting" ? last.retryAt : 0);
    await wait(LONGEST_MS);
  }
  assert.equal(sockets.length, 5);
  const lengths = pauses.map((at, i) => at - i * LONGEST_MS);
  assert.deepEqual(lengths, [400, 800, 1600, 3200]);
  sockets[4]!.say({ type: "welcome", cursor: null });
  sockets[4]!.onclose!({ code: 1012, reason: "" });
  const last = statuses[statuses.length - 1]!;
  assert.ok(last.phase === "waiting" && last.retryAt - last.lostAt === 400);
});

test("a refused key is not tried again", async () => {
  const { live, sockets, statuses, wait } = setUp();
  live.start();
  sockets[0]!.onclose!({ code: 4401, reason: "key not known" });
  await wait(100_000);
  assert.equal(sockets.length, 1);
  assert.deepEqual(statuses[statuses.length - 1], { phase: "refused", reason: "key not known" });
});

test("a person's retry does not wait", () => {
  const { live, sockets } = setUp();
  live.start();
  live.retry();
  assert.equal(sockets.length, 1, "not while connecting");
  sockets[0]!.onclose!({ code: 1006, reason: "" });
  live.retry();
  assert.equal(sockets.length, 2);
});

test("a silent socket is kept while the server answers and dropped when it does not", async () => {
  let answers = true;
  const { live, sockets, statuses, wait } = setUp(async () => answers);
  live.start();
  sockets[0]!.say({ type: "welcome", cursor: "c" });
  await wait(20_000);
  assert.equal(live.status.phase, "live");
  answers = false;
  await wait(20_000);
  assert.equal(statuses[statuses.length - 1]!.phase, "waiting");
  assert.ok(sockets[0]!.closed);
  sockets[0]!.onclose!({ code: 1006, reason: "" });
  await wait(1000);
  assert.equal(sockets.length, 2, "the dropped socket's own end changes nothing");
});

test("no welcome in time counts as lost", async () => {
  const { live, wait, statuses } = setUp();
  live.start();
  await wait(10_000);
  assert.equal(statuses[statuses.length - 1]!.phase, "waiting");
});
