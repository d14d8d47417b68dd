/** The view Feed: which feeds there are, what one serves, and the proof of each record. */

import { trouble } from "../clearance/chips.ts";
import { arrowKeys, h } from "../dom.ts";
import { date, dayClock, instant, number } from "../format.ts";
import { go, hashOf } from "../routes.ts";
import type { View } from "../views.ts";
import type { FeedRecord } from "./check.ts";
import { kindWords, RecordView } from "./recordview.ts";
import type { Feed, FeedPage, Feeds, Log } from "./requests.ts";

const FIELDS: Record<string, string> = { precise: "precise positions", coarse: "coarse positions", crossings: "crossings only" };

export class FeedView implements View {
  readonly title = "Feed";
  readonly element = h("div", { class: "feed" });
  private readonly chosen = h("select", { "aria-label": "Feed" });
  private readonly about = h("p", { class: "hint" });
  private readonly note = h("p", { class: "board-note", role: "status" });
  private readonly rows = h("tbody", {});
  private readonly more = h("button", { type: "button", class: "secondary", hidden: true, onclick: () => void this.read() }, "Read on");
  private readonly detail = h("div", { class: "feed-record" });
  private readonly witnesses: string[] = [];
  private logs: Log[] = [];
  private next: string | null = null;
  private count = 0;
  private turn = 0;

  constructor(private readonly requests: Feeds, private readonly id: string | undefined) {
    const table = h("table", { class: "board-table" },
      h("thead", {}, h("tr", {}, ...["Entry", "Time", "Record", "Vehicle", "Assurance"].map((name) => h("th", { scope: "col" }, name)))), this.rows);
    arrowKeys(this.rows, "a.record-link");
    this.chosen.addEventListener("change", () => go({ view: "feed", query: { id: this.chosen.value } }));
    this.element.append(
      h("div", { class: "board-head" }, h("h2", { tabindex: "-1" }, "Feed"), this.chosen), this.about, this.note,
      h("div", { class: "feed-columns" },
        h("div", { class: "board-rows" }, table, h("div", { class: "feed-more" }, this.more)), this.detail));
    void this.start();
  }

  close(): void {
    this.turn = -1;
  }

  private async start(): Promise<void> {
    const turn = this.turn;
    try {
      const feeds = await this.requests.list();
      if (this.turn !== turn) return;
      const feed = feeds.find((one) => one.id === this.id) ?? feeds.find((one) => !one.revoked) ?? feeds[0];
      this.chosen.replaceChildren(...feeds.map((one) => h("option", { value: one.id, selected: one === feed }, `${one.purpose} · ${one.consumer}`)));
      this.chosen.hidden = feeds.length === 0;
      if (!feed) {
        this.note.textContent = "No feed is granted. A fleet grants one with corridor feed grant.";
        return;
      }
      this.about.textContent = aboutWords(feed);
      this.feed = feed.id;
      this.logs = await this.requests.logs(feed.id);
      await this.read();
    } catch (error) {
      if (this.turn === turn) this.note.textContent = trouble("read the feed", error);
    }
  }

  private feed = "";

  private async read(): Promise<void> {
    const turn = this.turn;
    this.more.disabled = true;
    try {
      if (!this.count) this.note.textContent = "Reading the feed …";
      let page: FeedPage;
      do { // of a ledger with much else a page may be empty and yet not the last
        page = await this.requests.records(this.feed, this.next);
        if (this.turn !== turn) return;
        this.next = page.next;
      } while (!page.records.length && page.more);
      const first = this.count === 0;
      this.count += page.records.length;
      this.rows.append(...page.records.map((record) => this.row(record)));
      this.more.hidden = !page.more;
      this.note.textContent = this.count ? `${number(this.count)} ${this.count === 1 ? "record" : "records"}${page.more ? ", and there are more" : ": all there are now"}. They come in the order of the ledger; each is under a signed checkpoint.` : "Nothing is in this feed yet.";
      if (first && page.records[0]) this.show(page.records[0]);
    } catch (error) {
      if (this.turn === turn) this.note.textContent = trouble("read the feed", error);
    } finally {
      this.more.disabled = false;
    }
  }

  private row(record: FeedRecord): HTMLElement {
    const link = h("a", { href: hashOf({ view: "feed", query: { id: this.feed } }), class: "case-link record-link", "data-place": `${record.log}/${record.place}` }, `${record.log}/${number(record.place)}`);
    const row = h("tr", { class: "board-row" },
      h("td", {}, link), h("td", {}, h("time", { datetime: new Date(record.t_ms).toISOString() }, dayClock(record.t_ms))),
      h("td", {}, record.redacted ? `${kindWords(record.kind)}, redacted` : kindWords(record.kind)),
      h("td", {}, h("code", {}, record.asset.replace(/^asset_/, "").slice(0, 10))),
      h("td", {}, record.assurance ? h("b", { class: `level level-${record.assurance.level}` }, record.assurance.level) : h("span", { class: "quiet" }, "–")));
    const choose = (event: Event) => {
      event.preventDefault();
      this.show(record);
    };
    row.addEventListener("click", choose);
    return row;
  }

  private show(record: FeedRecord): void {
    const key = `${record.log}/${record.place}`;
    for (const link of this.rows.querySelectorAll<HTMLElement>("a.record-link")) link.toggleAttribute("aria-current", link.dataset.place === key);
    this.detail.replaceChildren(new RecordView(record, this.logs.map((one) => one.key), this.witnesses).element);
  }
}

function aboutWords({ consumer, fields, driver, kinds, from, to, expires, revoked }: Feed): string {
  const when = (text: string | null | undefined) => {
    const ms = instant(text ?? null);
    return ms === null || ms <= 0 ? null : date(ms);
  };
  const parts = [
    `${consumer} may read ${kinds.length ? kinds.map(kindWords).join(", ").toLowerCase() : "all records"}, ${FIELDS[fields] ?? fields}, ${driver ? "with" : "without"} drivers`,
    when(from) || when(to) ? `from ${when(from) ?? "the beginning"} to ${when(to) ?? "now on"}` : "",
    revoked ? `revoked ${when(revoked) ?? ""}` : when(expires) ? `until ${when(expires)}` : "",
  ];
  return `${parts.filter(Boolean).join(", ")}.`;
}
