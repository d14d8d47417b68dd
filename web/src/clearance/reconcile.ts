/** Reconcile before filing: two or three files in, what does not agree out, and a report to take along. */

import { h, icon } from "../dom.ts";
import { number } from "../format.ts";
import type { View } from "../views.ts";
import { trouble } from "./chips.ts";
import { codesView, differenceWords } from "./codes.ts";
import { byKind, findingName, sideName, type ReconcileAnswer, type ReconcileFinding } from "./findings.ts";
import type { Clearance } from "./requests.ts";

const SIDES = [
  ["production", "Production record", "What the factory built", true],
  ["filings", "Filings", "What is to be declared", true],
  ["registry", "Registry", "What Corridor or the authority has", false],
] as const;
type Side = (typeof SIDES)[number][0];

const FORMS = [
  ["html", "text/html", "Report to read"],
  ["xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel"],
  ["json", "application/json", "JSON"],
] as const;
const ACCEPT = ".csv,.xlsx,.parquet,.txt";
/** So many of a kind are shown; the report has all. */
const MOST = 100;

export class ReconcileView implements View {
  readonly title = "Reconcile";
  readonly element = h("div", { class: "reconcile" });
  private readonly files = new Map<Side, File>();
  private readonly submit = h("button", { type: "submit", class: "primary", disabled: true }, "Compare");
  private readonly note = h("p", { class: "board-note", role: "status" });
  private readonly output = h("div", { class: "reconcile-output" });
  private closed = false;

  constructor(private readonly requests: Clearance) {
    const form = h("form", { class: "reconcile-form" },
      h("div", { class: "reconcile-files" }, ...SIDES.map(([side, name, help, needed]) => this.picker(side, name, help, needed))),
      h("div", { class: "proposal-row" }, this.submit, h("span", { class: "quiet" }, "The files are compared and not kept.")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.compare();
    });
    this.element.append(
      h("h2", { tabindex: "-1" }, "Reconcile"),
      h("p", { class: "hint" }, "Compares VINs and chassis numbers before they are filed: what is missing, doubled, swapped, or differs in one character. CSV, Excel or Parquet, one vehicle a row."),
      form, this.note, this.output);
  }

  close(): void {
    this.closed = true;
  }

  private picker(side: Side, name: string, help: string, needed: boolean): HTMLElement {
    const said = h("span", { class: "file-name quiet" }, "no file chosen, or drop one here");
    const input = h("input", { type: "file", accept: ACCEPT, id: `file-${side}`, class: "unseen", required: needed });
    const box = h("label", { class: "drop file-drop", for: `file-${side}` },
      h("b", {}, name, needed ? null : h("small", {}, " if you have it")), h("span", { class: "quiet" }, help), said, input);
    const take = (file: File | undefined) => {
      if (file) this.files.set(side, file);
      else this.files.delete(side);
      said.textContent = file ? `${file.name} · ${number(file.size / 1024, file.size < 10_240 ? 1 : 0)} KB` : "no file chosen, or drop one here";
      box.classList.toggle("file-there", Boolean(file));
      this.submit.disabled = !this.files.has("production") || !this.files.has("filings");
    };
    input.addEventListener("change", () => take(input.files?.[0]));
    box.addEventListener("dragover", (event) => event.preventDefault());
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      take(event.dataTransfer?.files[0]);
    });
    return box;
  }

  private form(): FormData {
    const form = new FormData();
    for (const [side, file] of this.files) form.set(side, file, file.name);
    return form;
  }

  private async compare(): Promise<void> {
    this.submit.disabled = true;
    this.note.textContent = "Comparing…";
    this.output.replaceChildren();
    try {
      const answer = await this.requests.reconcile(this.form());
      if (this.closed) return;
      this.note.textContent = "";
      this.output.replaceChildren(...this.told(answer));
    } catch (error) {
      if (!this.closed) this.note.textContent = trouble("compare", error);
    } finally {
      this.submit.disabled = false;
    }
  }

  private told(answer: ReconcileAnswer): HTMLElement[] {
    const groups = byKind(answer.findings);
    const all = (kind: string, shown: number) => answer.counts?.[kind] ?? shown;
    const found = answer.total ?? answer.findings.length;
    const errors = groups.reduce((sum, [kind, findings]) => sum + (findings[0]?.severity === "error" ? all(kind, findings.length) : 0), 0);
    const summary = h("div", { class: "tiles" },
      tile(number(answer.agreed ?? 0), "vehicles agree", "good"),
      tile(number(errors), errors === 1 ? "error" : "errors", errors ? "bad" : ""),
      tile(number(found - errors), "to look at", ""));
    const lists = h("ul", { class: "quiet" }, ...(answer.lists ?? []).map(({ side, file, sheet, rows, notes }) =>
      h("li", {}, `${sideName(side)}: ${file}${sheet ? `, sheet ${sheet}` : ""}, ${number(rows)} rows${notes?.length ? `; ${notes.join("; ")}` : ""}`)));
    const takeAlong = h("div", { class: "proposal-row" }, h("span", {}, "Take along:"), ...FORMS.map(([format, accept, word]) =>
      h("button", { type: "button", class: "secondary", onclick: () => void this.download(format, accept) }, icon("copy"), word)));
    const parts = groups.map(([kind, findings], i) =>
      h("details", { class: "finding-group", "data-kind": kind, open: i < 4 },
        h("summary", {}, h("b", {}, findingName(kind)), ` ${number(all(kind, findings.length))}`),
        h("ol", { class: "findings" }, ...findings.slice(0, MOST).map(findingView)),
        all(kind, findings.length) > MOST ? h("p", { class: "quiet" }, `${number(all(kind, findings.length) - Math.min(MOST, findings.length))} more are in the report.`) : null));
    return [summary, lists, takeAlong, ...(parts.length ? parts : [h("p", { class: "good" }, "Both codes of every vehicle agree. Nothing to look at.")])];
  }

  private async download(format: string, accept: string): Promise<void> {
    this.note.textContent = "Making the report…";
    try {
      const blob = await this.requests.reconciled(this.form(), accept, format);
      const url = URL.createObjectURL(blob);
      h("a", { href: url, download: `reconciliation.${format}` }).click();
      window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
      this.note.textContent = "The report is in your downloads.";
    } catch (error) {
      this.note.textContent = trouble("make the report", error);
    }
  }
}

function findingView(finding: ReconcileFinding): HTMLElement {
  const { severity, text, proposal, places = [], got, want, position = null, what } = finding;
  const code = what === "chassis" ? "chassis number" : "VIN";
  return h("li", { class: `finding ${severity === "error" ? "finding-error" : "finding-warning"}` },
    h("p", {}, text),
    got && want ? codesView(got, want, position, [`Got, ${code}`, `Wanted, ${code}`], differenceWords(got, want, position)) : null,
    places.length ? h("ul", { class: "places" }, ...places.map(({ side, row, vin_at, vin, chassis, reference }) =>
      h("li", {}, h("b", {}, `${sideName(side)} ${vin_at || `row ${row}`}`), " ", h("code", {}, vin || "no VIN"), " · ", h("code", {}, chassis || "no chassis number"), reference ? ` · ${reference}` : ""))) : null,
    proposal ? h("p", { class: "proposal-words" }, proposal) : null);
}

export function tile(figure: string, words: string, tone: string): HTMLElement {
  return h("div", { class: `tile ${tone ? `tile-${tone}` : ""}` }, h("b", {}, figure), h("span", {}, words));
}
