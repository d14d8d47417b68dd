/**
 * The form by which an officer decides a case: one decision, a reason that must be given, and for a verified
 * binding both codes as seen on the vehicle. It closes when the server has taken it, and stays with the
 * server's words when not.
 */

import { h } from "../dom.ts";
import type { Clearance } from "./requests.ts";
import { DECISIONS, type Decision } from "./words.ts";

export interface Decidable {
  id: string;
  vin: string | null;
  chassis: string | null;
  /** Other values that were claimed of this vehicle, as suggestions. */
  seen?: { vin: string[]; chassis: string[] };
}

const LEAST_REASON = 3;

/** Buttons for what may be decided; each opens the form. */
export function decisionButtons(requests: Clearance, about: Decidable, which: readonly Decision[], done: (said: string) => void): HTMLElement {
  return h("div", { class: "decisions", role: "group", "aria-label": "Decide" },
    ...which.map((decision) =>
      h("button", { type: "button", class: decision === "release" ? "secondary decide-release" : decision === "detain" ? "danger" : "secondary",
        onclick: () => openDecision(requests, about, decision, done) }, DECISIONS[decision].word)));
}

export function openDecision(requests: Clearance, about: Decidable, decision: Decision, done: (said: string) => void): HTMLDialogElement {
  const { word, done: doneWord, help } = DECISIONS[decision];
  const settling = decision === "settle";
  const reason = h("textarea", { id: "decide-reason", rows: 3, required: true, minlength: LEAST_REASON, maxlength: 2000, "aria-describedby": "decide-help" });
  const vin = code("decide-vin", "VIN as seen on the vehicle", about.vin, about.seen?.vin ?? [], 17);
  const chassis = code("decide-chassis", "Chassis number as seen on the vehicle", about.chassis, about.seen?.chassis ?? [], 40);
  const said = h("p", { class: "bad", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, word);
  const form = h("form", { class: "decide-form", method: "dialog" },
    h("h2", { id: "decide-title" }, `${word}: ${about.vin ?? "vehicle"}`),
    h("p", { class: "quiet", id: "decide-help" }, `${help} It is recorded with your key's name and your reason.`),
    settling ? vin.root : null, settling ? chassis.root : null,
    h("label", { class: "field", for: "decide-reason" }, h("span", {}, "Reason"), reason),
    said,
    h("div", { class: "decide-end" }, h("button", { type: "button", class: "secondary", onclick: () => dialog.close() }, "Cancel"), submit));
  const dialog = h("dialog", { class: "decide", "aria-labelledby": "decide-title" }, form);
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const why = reason.value.trim();
    if (why.length < LEAST_REASON) {
      said.textContent = "Please give a reason: it stays with the case.";
      reason.focus();
      return;
    }
    submit.disabled = true;
    said.textContent = "";
    const sent = settling ? requests.settle(about.id, vin.value(), chassis.value(), why) : requests.decide(about.id, decision, why);
    sent.then(() => {
      dialog.close();
      done(doneWord);
    }, (error: unknown) => {
      submit.disabled = false;
      said.textContent = `The server said: ${error instanceof Error ? error.message : String(error)}`;
    });
  });
  document.body.append(dialog);
  dialog.showModal();
  (settling ? vin.input : reason).focus();
  return dialog;
}

/** An empty box with the known values as suggestions: what is seen is entered, not waved through. */
function code(id: string, label: string, filed: string | null, others: string[], longest: number) {
  const known = [...new Set([filed, ...others].filter((one) => one))] as string[];
  const input = h("input", { id, required: true, maxlength: longest, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", list: `${id}-known` });
  const root = h("label", { class: "field", for: id }, h("span", {}, label), input,
    h("datalist", { id: `${id}-known` }, ...known.map((value) => h("option", { value }))));
  return { root, input, value: () => input.value.trim().toUpperCase() };
}
