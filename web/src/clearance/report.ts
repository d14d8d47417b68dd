/** The clearance report of a gate: how long clearance took against 2.8 h, why some went to manual verification, where hours went. */

import { h, s } from "../dom.ts";
import { duration, number } from "../format.ts";
import { hashOf } from "../routes.ts";
import { section } from "../section.ts";
import type { Store } from "../store.ts";
import type { View } from "../views.ts";
import { trouble } from "./chips.ts";
import type { Clearance } from "./requests.ts";
import { tile } from "./reconcile.ts";
import type { Report } from "./shapes.ts";
import { causeWords, plain, spanWords } from "./words.ts";

const DAY_MS = 86_400_000;
const PERIODS = [["1", "Last day"], ["7", "Last 7 days"], ["30", "Last 30 days"], ["", "All"]] as const;

export class ReportView implements View {
  readonly title = "Clearance report";
  readonly element = h("div", { class: "report" });
  private readonly gates = h("select", { "aria-label": "Gate", onchange: () => this.turn({ gate: this.gates.value }) });
  private readonly periods = h("select", { "aria-label": "Period", onchange: () => this.turn({ days: this.periods.value }) });
  private readonly note = h("p", { class: "board-note", role: "status" });
  private readonly output = h("div", { class: "report-output" });
  private gate: string;
  private days: string;
  private asked = "";
  private closed = false;
  private readonly off: () => void;

  constructor(private readonly store: Store, private readonly requests: Clearance, query: Record<string, string>) {
    this.gate = query.gate ?? "";
    this.days = PERIODS.some(([days]) => days === query.days) ? query.days! : "30";
    this.periods.append(...PERIODS.map(([value, word]) => h("option", { value }, word)));
    this.periods.value = this.days;
    this.element.append(h("div", { class: "board-head" }, h("h2", { tabindex: "-1" }, "Clearance report"), this.gates, this.periods), this.note, this.output);
    this.off = store.on("gates", () => this.listGates());
    this.listGates();
  }

  close(): void {
    this.closed = true;
    this.off();
  }

  private listGates(): void {
    const { gates, ownGates } = this.store;
    const mine = gates.filter(({ id }) => ownGates.length === 0 || ownGates.includes(id));
    if (!mine.length) return void (this.note.textContent = gates.length ? "This key is in charge of no gate here." : "Loading…");
    if (this.gates.options.length !== mine.length) this.gates.replaceChildren(...mine.map(({ id, name }) => h("option", { value: id }, name)));
    if (!this.asked) this.turn({ gate: mine.some(({ id }) => id === this.gate) ? this.gate : mine[0]!.id });
  }

  private turn({ gate = this.gate, days = this.days }: { gate?: string; days?: string }): void {
    this.gate = gate;
    this.days = days;
    this.gates.value = gate;
    history.replaceState(null, "", hashOf({ view: "report", query: { gate, days } }));
    void this.load();
  }

  private async load(): Promise<void> {
    const asked = (this.asked = `${this.gate}/${this.days}`);
    this.note.textContent = "Loading…";
    const from = new Date(this.days ? this.store.now() - Number(this.days) * DAY_MS : 0).toISOString();
    try {
      const report = await this.requests.report(this.gate, from);
      if (this.closed || asked !== this.asked) return;
      this.note.textContent = "";
      this.output.replaceChildren(...told(report));
    } catch (error) {
      if (!this.closed && asked === this.asked) this.note.textContent = trouble("load the report", error);
    }
  }
}

function told(report: Report): HTMLElement[] {
  const { clearance, manual_verification: manual, benchmark_s } = report;
  const hours = `${Math.round(benchmark_s / 360) / 10} h`;
  if (!report.cases) return [h("p", { class: "empty" }, "No case was filed for this gate in this period.")];
  const tiles = h("div", { class: "tiles" },
    tile(number(report.cases), report.cases === 1 ? "case" : "cases", ""),
    tile(clearance.mean_s === null ? "–" : duration(clearance.mean_s * 1000), `mean clearance of ${clearance.count}; benchmark ${hours}`, tone(clearance.mean_s, benchmark_s)),
    tile(clearance.p50_s === null ? "–" : duration(clearance.p50_s * 1000), "half took this or less", tone(clearance.p50_s, benchmark_s)),
    tile(clearance.within === null ? "–" : percent(clearance.within), `within ${hours}`, ""),
    tile(manual.share === null ? "–" : percent(manual.share), "went to manual verification", manual.cases ? "bad" : ""));
  const times = section(`Clearance time against ${hours}`);
  if (clearance.count) times.set(histogram(report));
  else times.say("No case has been cleared in this period.");
  const causes = section("Manual verification by cause");
  if (manual.causes.length) causes.set(bars(manual.causes.map(({ cause, cases, share }) => ({ name: causeWords(cause), value: share, words: `${cases} · ${percent(share)} of all cases` }))));
  else causes.say("No case went to manual verification.");
  const lost = section("Hours lost by stage");
  const most = Math.max(1, ...report.lost.map(({ lost_s }) => lost_s));
  lost.set(bars(report.lost.map(({ span, lost_s, cases, worst_s }) => ({
    name: spanWords(span), value: lost_s / most, words: `${number(lost_s / 3600, 1)} h over ${cases} cases${worst_s === null ? "" : `, longest ${duration(worst_s * 1000)}`}`,
  }))), h("p", { class: "quiet" }, "Beyond what the fastest tenth of all cases took there; manual verification and holds run beside the stages."));
  const states = section("States now");
  states.set(bars(Object.entries(report.states).map(([state, n]) => ({ name: plain(state), value: n / report.cases, words: String(n) }))));
  const up = report.uptime?.up;
  return [tiles, times.root, h("div", { class: "report-columns" }, causes.root, lost.root, states.root),
    ...(typeof up === "number" ? [h("p", { class: "quiet" }, `The system was up ${percent(up, 2)} of the period.`)] : [])];
}

const tone = (value: number | null, limit: number) => (value === null ? "" : value <= limit ? "good" : "bad");
export const percent = (share: number, decimals = 0) => `${number(share * 100, decimals)} %`;

interface Bar {
  name: string;
  /** Share of the longest, 0 to 1. */
  value: number;
  words: string;
}

function bars(rows: readonly Bar[]): HTMLElement {
  return h("ul", { class: "bars" }, ...rows.map(({ name, value, words }) => h("li", {},
    h("span", { class: "bar-name" }, name),
    h("span", { class: "bar-track", "aria-hidden": "true" }, h("span", { style: `width:${(Math.min(1, Math.max(0, value)) * 100).toFixed(1)}%` })),
    h("span", { class: "bar-words" }, words))));
}

/** The bars of a distribution and where the benchmark lies among them. Pure. */
export function histogramBars({ distribution, benchmark_s }: Pick<Report, "distribution" | "benchmark_s">) {
  const { width_s, counts, more } = distribution;
  const most = Math.max(1, ...counts);
  return {
    limit: Math.min(counts.length, benchmark_s / width_s),
    bars: counts.map((count, i) => ({
      count, height: count / most, over: (i + 1) * width_s > benchmark_s && i * width_s >= benchmark_s,
      words: more && i === counts.length - 1 ? `${span(i * width_s)} or more` : `${span(i * width_s)} to ${span((i + 1) * width_s)}`,
    })),
  };
}

const span = (s: number) => (s === 0 ? "0" : duration(s * 1000));
const [WIDE, HIGH] = [720, 190];

function histogram(report: Report): HTMLElement {
  const { bars: all, limit } = histogramBars(report);
  const step = WIDE / all.length;
  const width_s = report.distribution.width_s;
  const every = Math.max(1, Math.ceil(all.length / 8));
  const svg = s("svg", { viewBox: `0 -16 ${WIDE} ${HIGH + 40}`, class: "histogram", role: "img", "aria-label": all.filter(({ count }) => count).map(({ count, words }) => `${words}: ${count}`).join("; ") },
    ...all.map(({ count, height, over, words }, i) => {
      const bar = s("rect", { x: i * step + 1, y: HIGH - height * HIGH, width: Math.max(1, step - 2), height: height * HIGH, class: over ? "over" : "within" });
      bar.append(s("title", {}, `${words}: ${count}`));
      return bar;
    }),
    s("line", { x1: 0, x2: WIDE, y1: HIGH, y2: HIGH, class: "axis" }),
    ...all.map((_, i) => (i % every ? null : s("text", { x: i * step, y: HIGH + 16, class: "tick" }, span(i * width_s)))),
    s("line", { x1: limit * step, x2: limit * step, y1: -4, y2: HIGH, class: "limit" }),
    s("text", { x: limit * step + 5, y: 6, class: "limit-words" }, `benchmark ${Math.round(report.benchmark_s / 360) / 10} h`));
  return h("div", { class: "histogram-box" }, svg);
}
