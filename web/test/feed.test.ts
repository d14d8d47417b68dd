import assert from "node:assert/strict";
import { test } from "node:test";
import given from "./data/records.json" with { type: "json" };
import { base64, unbase64 } from "../src/feed/bytes.ts";
import { check, type FeedRecord } from "../src/feed/check.ts";
import { TAMPERINGS } from "../src/feed/tamper.ts";

const { keys, witnesses } = given;
const records = given.records as unknown as FeedRecord[];
const held = async (record: FeedRecord) => Object.fromEntries((await check(record, keys, witnesses)).checks.map((one) => [one.name, one.holds]));

test("a record as the ledger made it holds in every check", async () => {
  for (const record of records) {
    assert.deepEqual(await held(record), { content: true, path: true, signature: true, witness: true });
  }
});

test("each forgery is caught by the check that it must fail", async () => {
  const caught: Record<string, string> = { move: "content", edit: "content", salt: "content", entry: "content", place: "path", hash: "path", root: "path" };
  for (const record of records) {
    for (const { id, forge } of TAMPERINGS) {
      const forged = forge(record);
      assert.ok(forged, `${id} of ${record.kind}`);
      assert.notDeepEqual(forged, record);
      const found = await held(forged);
      assert.equal(found[caught[id]!], false, `${id} of ${record.kind}: ${JSON.stringify(found)}`);
    }
  }
});

test("a root that is signed by nobody fails both the way and the signatures", async () => {
  const forged = TAMPERINGS.find((one) => one.id === "root")!.forge(records[0]!)!;
  assert.deepEqual(await held(forged), { content: true, path: false, signature: false, witness: false });
});

test("a key that is not the log's vouches for nothing", async () => {
  const { checks } = await check(records[0]!, [witnesses[0]!]);
  const signature = checks.find((one) => one.name === "signature")!;
  assert.equal(signature.holds, false);
  assert.match(signature.says, /No trusted key for corridor-test/);
});

test("a redacted record keeps its proof, and its content is said to be gone", async () => {
  const { groups: _, ...rest } = records[0]!;
  assert.deepEqual(await held({ ...rest, redacted: true }), { content: null, path: true, signature: true, witness: true });
});

test("what is no proof, no entry and no content is refused in words", async () => {
  const record = records[0]!;
  const broken: Partial<FeedRecord>[] = [
    { proof: "" }, { proof: "c2sp.org/tlog-proof@v1\n\n" }, { proof: record.proof!.replace("index 6", "index 06") },
    { entry: "" }, { entry: "AA==" }, { entry: record.entry.slice(4) }, { groups: { whole: { salt: "!", content: "" } } },
  ];
  for (const change of broken) {
    const { checks } = await check({ ...record, ...change }, keys);
    assert.ok(checks.some((one) => one.holds === false && one.says.length > 10), JSON.stringify(change));
  }
});

test("any one bit of entry or proof that is turned is noticed", async () => {
  const record = records[1]!;
  const entry = unbase64(record.entry)!;
  for (let at = 0; at < entry.length; at += 5) {
    const bytes = entry.slice();
    bytes[at]! ^= 4;
    const { checks } = await check({ ...record, entry: base64(bytes) }, keys);
    assert.ok(checks.some((one) => one.holds === false), `byte ${at}`);
  }
});

test("base64 that is not written the one right way is refused", () => {
  assert.equal(unbase64("AB=="), null);
  assert.equal(unbase64("A"), null);
  assert.deepEqual(unbase64("AA=="), new Uint8Array([0]));
});
