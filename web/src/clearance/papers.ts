/** What was filed and granted: documents, the filing's versions, the permit, the release, the coupling. */

import { h } from "../dom.ts";
import { country, instant, number } from "../format.ts";
import { deadlineChip } from "./chips.ts";
import { localised, type PortTime } from "./porttime.ts";
import type { Case, Coupling, Filing, Permit, Release } from "./shapes.ts";
import { plain, releaseWords } from "./words.ts";

type Told = string | number | null | undefined | false;

export function documentsView(about: Case, filing: Filing | null, time: PortTime): HTMLElement[] {
  const filed = filing?.documents ?? [];
  const rows = about.documents ?? filed.map(({ kind, number }) => ({ kind, number, state: "ok" as const }));
  if (!rows.length) return [h("p", { class: "empty" }, "No documents are asked for.")];
  return [h("ul", { class: "papers" }, ...rows.map(({ kind, number: n, state }) => {
    const paper = filed.find((one) => one.kind === kind && (n === null || one.number === n));
    const expires = instant(paper?.expires);
    return h("li", { class: `paper paper-${state}` },
      h("span", { class: "paper-mark", "aria-hidden": "true" }),
      h("span", { class: "paper-name" }, plain(kind), h("small", {}, n ?? "no number")),
      h("span", { class: "paper-state" }, state === "ok" ? "there" : state, expires === null ? null : h("small", {}, `until ${time.day(expires)}`)));
  }))];
}

export function deadlinesView(about: Case, time: PortTime, now: number): HTMLElement | null {
  const list = about.deadlines ?? [];
  if (!list.length) return null;
  return h("ul", { class: "deadlines" }, ...list.map((deadline) =>
    h("li", {}, deadlineChip(deadline, time, now), deadline.text ? h("small", { class: "quiet" }, ` ${localised(deadline.text, time)}`) : null)));
}

export function filingView(about: Case, filing: Filing | null, time: PortTime): HTMLElement[] {
  const lodged = instant(about.lodged ?? filing?.lodged);
  const from = instant(about.window_from);
  const until = instant(about.window_until);
  const facts = dl([
    ["Reference", about.reference],
    ["Exporter", about.exporter],
    ["Consignee", about.consignee ?? filing?.consignee],
    ["Batch", about.batch],
    ["Lodged", lodged === null ? "not lodged" : time.full(lodged)],
    ["Planned", from === null || until === null ? null : `${time.dated(from)} – ${time.dated(until)}`],
    ["Version", filing?.version && filing.version > 1 ? `${filing.version}, amended ${filing.version - 1} times`.replace("1 times", "once") : null],
    ...Object.entries(filing?.data ?? {}).map(([name, value]): [string, Told] => [plain(name), String(value)]),
  ]);
  const findings = (filing?.findings ?? []).map(({ text, code }) => h("li", { class: "row-reason" }, localised(text, time) || plain(code)));
  const versions = (filing?.versions ?? []).map(({ version, by, at, changed }) => {
    const ms = instant(at);
    return h("li", {}, h("b", {}, `Version ${version}`), ` by ${by}${ms === null ? "" : `, ${time.full(ms)}`}`,
      changed?.length ? h("small", {}, ` changed ${changed.map((name) => name.replaceAll("_", " ")).join(", ")}`) : null);
  });
  return [facts, findings.length ? h("ul", {}, ...findings) : null, versions.length > 1 ? h("ol", { class: "versions" }, ...versions) : null].filter((one) => one !== null);
}

export function permitView(permit: Permit | null, time: PortTime): HTMLElement[] {
  if (!permit) return [h("p", { class: "empty" }, "No permit is known for this vehicle.")];
  const from = instant(permit.valid_from);
  const until = instant(permit.valid_until);
  return [dl([
    ["Number", permit.number],
    ["State", plain(permit.state) + (permit.reason ? `: ${permit.reason}` : "")],
    ["Country", permit.country ? country(permit.country) : null],
    ["Valid", from === null || until === null ? null : `${time.day(from)} – ${time.day(until)}`],
    ["Axle limit", permit.axle_limit_kg ? `${number(permit.axle_limit_kg)} kg` : null],
    ["Axles", permit.axles],
    ["Gross limit", permit.gross_limit_kg ? `${number(permit.gross_limit_kg)} kg` : null],
    ["Emissions", permit.emission_class],
    ["Lighting", permit.lighting],
    ["Checked by", [permit.agent, permit.accreditation].filter(Boolean).join(", ")],
  ])];
}

export function releaseView(about: Case, release: Release | null, time: PortTime): HTMLElement[] {
  if (!release) return [h("p", { class: "empty" }, about.release ? "The release can't be read with this key." : "No release has been asked for yet.")];
  const at = (text: string | null | undefined) => {
    const ms = instant(text);
    return ms === null ? null : time.full(ms);
  };
  const conditions = release.conditions ?? [];
  return [dl([
    ["State", plain(releaseWords(release.state))],
    ["How", about.release_rule === "automatic" ? "Automatic: all conditions held" : about.release_rule === "officer" ? "By an officer" : release.authority ? `Authority ${release.authority}` : null],
    ["Asked", at(release.requested)],
    ["Answer by", release.state === "requested" ? at(release.deadline) : null],
    ["Decided", at(release.decided)],
    ["Decision", [release.decision && plain(release.decision), release.by && `by ${release.by}`].filter(Boolean).join(" ")],
    ["Reason", release.reason],
    ["Message", release.message],
  ]), ...(conditions.length ? [h("ul", { class: "conditions" }, ...conditions.map((text) => h("li", {}, text)))] : [])];
}

export function couplingView(coupling: Coupling, carrier: string, time: PortTime): HTMLElement {
  const from = instant(coupling.from);
  const to = instant(coupling.to);
  return h("p", { class: "words" },
    `Known by its carrier ${carrier}: ${coupling.how} ${from === null ? "" : `from ${time.full(from)} `}${to === null ? "until now" : `to ${time.full(to)}`}`,
    coupling.evidence ? ` (${coupling.evidence}${coupling.by ? `, said by ${coupling.by}` : ""})` : "", ". What is shown of its way is the carrier's.");
}

function dl(facts: [name: string, value: Told][]): HTMLElement {
  return h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) =>
    value === null || value === undefined || value === false || value === "" ? [] : [h("dt", {}, name), h("dd", {}, String(value))]));
}
