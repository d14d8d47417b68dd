/** One record: what it says, who vouches, its proof as a picture, and "tamper and see". */

import { h } from "../dom.ts";
import { dayClock, number } from "../format.ts";
import { check, type Check, type FeedRecord } from "./check.ts";
import { proofPicture } from "./picture.ts";
import { TAMPERINGS } from "./tamper.ts";

const NAMES: Record<Check["name"], string> = {
  content: "Content", entry: "Entry", path: "Way to the root", signature: "Signature", witness: "Witness",
};
const GROUPS: Record<string, string> = {
  whole: "Everything, as it came", head: "Who, when, how it came", place: "Precise positions", coarse: "Coarse positions",
  signals: "CAN bus", driver: "Drivers", facts: "Facts", body: "What happened",
};
const LEVELS: Record<string, string> = {
  proven: "Signed by the device, nothing missing before it, and all sources agree.",
  signed: "Signed by the device's own key.",
  attributed: "By the connection's identity only: no signature of the device.",
  suspect: "A check failed.",
};

export class RecordView {
  readonly element = h("div", { class: "record-view" });
  private readonly proof = h("div", { class: "record-proof" });
  private readonly results = h("ul", { class: "record-checks", "aria-live": "polite" });
  private readonly choice = h("select", { id: "tampering" }, h("option", { value: "" }, "as it came"));
  private shown = 0;

  constructor(private readonly record: FeedRecord, private readonly keys: string[], private readonly witnesses: string[] = []) {
    for (const { id, name, forge } of TAMPERINGS) if (forge(record)) this.choice.append(h("option", { value: id }, name));
    this.choice.addEventListener("change", () => void this.check());
    this.element.append(
      h("h3", {}, `${kindWords(record.kind)}, entry ${number(record.place)} of log ${record.log}`),
      h("p", { class: "quiet" }, h("time", { datetime: new Date(record.t_ms).toISOString() }, dayClock(record.t_ms)), ` · ${record.asset}`),
      ...[assuranceView(record)].filter((one) => one !== null), groupsView(record),
      h("section", { class: "detail-section", "aria-label": "Proof" },
        h("div", { class: "section-head" }, h("h3", {}, "Proof")),
        h("p", { class: "hint" }, "Every hash and signature is computed in this browser, from the record and the log's public key."),
        h("div", { class: "proposal-row" }, h("label", { for: "tampering" }, "Tamper and see:"), this.choice),
        this.results, this.proof));
    void this.check();
  }

  private async check(): Promise<void> {
    const turn = ++this.shown;
    const tampering = TAMPERINGS.find((one) => one.id === this.choice.value);
    const forged = tampering?.forge(this.record) ?? this.record;
    const checked = await check(forged, this.keys, this.witnesses);
    if (turn !== this.shown) return;
    const bad = checked.checks.some((one) => one.holds === false);
    this.element.dataset.holds = String(!bad);
    this.results.replaceChildren(
      ...(tampering ? [h("li", { class: "check check-note" }, tampering.help, " ", h("b", {}, bad ? "Caught:" : "Not caught."))] : []),
      ...checked.checks.map(checkLine));
    this.proof.replaceChildren(proofPicture(checked));
  }
}

function checkLine({ name, holds, says }: Check): HTMLElement {
  const word = holds === null ? "not checked" : holds ? "holds" : "does not hold";
  return h("li", { class: `check check-${holds === null ? "open" : holds ? "good" : "bad"}` }, h("b", {}, `${NAMES[name]} ${word}`), " ", says);
}

export function kindWords(kind: string): string {
  const words = kind.replace(/[._]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function assuranceView({ assurance, kind, redacted }: FeedRecord): HTMLElement | null {
  if (redacted) return h("p", { class: "record-assurance" }, "Redacted: its content was deleted. That it was there, and where, stays proven.");
  if (!assurance || kind !== "report") return null;
  const signed = (assurance.checks ?? []).some((one) => one.name === "signature" && one.result === "holds");
  return h("div", { class: "record-assurance" },
    h("p", {}, h("b", { class: `level level-${assurance.level}` }, assurance.level), " ", LEVELS[assurance.level] ?? "",
      assurance.vouched_by === "gateway" && signed ? " The device's signature covers the whole report, which this feed does not show: the gateway vouches that it was checked." : ""),
    h("ul", { class: "quiet" }, ...(assurance.checks ?? []).map((one) => h("li", {}, `${one.name}: ${one.result}${one.why ? `, ${one.why}` : ""}`))));
}

function groupsView({ groups = {}, data = {} }: FeedRecord): HTMLElement {
  const parts = Object.entries(groups).map(([name, group]) => {
    const shown = "content" in group;
    const summary = h("summary", {}, h("b", {}, GROUPS[name] ?? name), h("span", { class: "quiet" }, shown ? " shown" : " hidden, proven to be unchanged"));
    const body = shown ? JSON.stringify(data[name] ?? group.content, null, 1) : `commitment ${group.commitment}`;
    return h("details", { class: `group ${shown ? "" : "group-hidden"}` }, summary, h("pre", {}, body.length > 6_000 ? `${body.slice(0, 6_000)}\n…` : body));
  });
  return h("div", { class: "record-groups" }, ...parts);
}
