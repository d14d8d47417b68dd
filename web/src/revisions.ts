/** How an object came to be as it is: its revisions, loaded when somebody opens them. */

import type { Api } from "./api.ts";
import { changeLines, runs } from "./changes.ts";
import { h } from "./dom.ts";
import { clock, dayClock, duration, instant } from "./format.ts";
import type { Revision } from "./types.ts";

const LIMIT = 50;
const LATE_MS = 120_000;
const WORDS = { created: "Created", amended: "Amended", retracted: "Retracted" } as const;

/** A closed part that says how many revisions there are. */
export function revisionsView(api: Api, id: string, count: number): HTMLElement {
  const list = h("ol", { class: "revisions" });
  const details = h("details", { class: "history" }, h("summary", {}, count === 1 ? "1 revision" : `${count} revisions`), list);
  let asked = false;
  details.addEventListener("toggle", () => {
    if (!details.open || asked) return;
    asked = true;
    list.replaceChildren(h("li", { class: "empty" }, "Loading…"));
    api.revisions(id, LIMIT).then(
      (found) => list.replaceChildren(...rows(found)),
      (error: unknown) => {
        asked = false;
        list.replaceChildren(h("li", { class: "empty" }, `Could not load revisions: ${error instanceof Error ? error.message : String(error)}`));
      },
    );
  });
  return details;
}

function rows(found: Revision[]): HTMLElement[] {
  const items = found.map((revision, i) => row(revision, found[i + 1]));
  const oldest = found[found.length - 1];
  if (oldest && oldest.revision > 1) items.push(h("li", { class: "empty" }, "Older revisions are no longer kept, or not shown here."));
  return items;
}

function row(revision: Revision, before: Revision | undefined): HTMLElement {
  const recorded = instant(revision.recorded) ?? 0;
  const t = instant(revision.t);
  const behind = t === null ? 0 : recorded - t;
  const into = revision.why?.merged_into;
  const lines = revision.change === "created" ? [] : into ? [`it is part of ${into}`] : changeLines(revision, before);
  const positions = revision.why?.positions ?? [];
  return h("li", { class: `revision revision-${revision.change}` },
    h("div", { class: "revision-head" },
      h("b", {}, `${revision.revision}. ${WORDS[revision.change]}`),
      h("time", { datetime: revision.recorded, title: dayClock(recorded) }, `recorded ${clock(recorded)}`),
      behind > LATE_MS ? h("span", { class: "quiet" }, `${duration(behind)} later`) : null),
    lines.length ? h("ul", {}, ...lines.map((line) => h("li", {}, line))) : null,
    h("p", { class: "quiet" }, positions.length ? `log ${runs([...positions, revision.position])}` : `log ${revision.position}`));
}
