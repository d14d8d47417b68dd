/** The key: out of the address's fragment (which is wiped of it), else kept for this tab, else asked for. */

import { Api, ApiError } from "./api.ts";
import { h } from "./dom.ts";

const KEPT = "corridor.key";

export function keyFromAddress(): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("key");
  if (!given) return sessionStorage.getItem(KEPT);
  const view = fragment.get("go");
  history.replaceState(null, "", location.pathname + location.search + (view ? `#${view}` : ""));
  sessionStorage.setItem(KEPT, given);
  return given;
}

export function forgetKey(): void {
  sessionStorage.removeItem(KEPT);
}

/** Ask until the server takes a key; `reason` says why the last one was not good. */
export function askForKey(reason: string): Promise<string> {
  return new Promise((done) => {
    const said = h("p", { class: "login-error", role: "alert" }, reason);
    const input = h("input", {
      id: "key", type: "password", autocomplete: "current-password", required: true, spellcheck: "false",
      "aria-describedby": "key-help",
    });
    const submit = h("button", { type: "submit", class: "primary" }, "Open the map");
    const form = h(
      "form",
      { class: "login-card" },
      h("h1", {}, h("img", { src: "icon.svg", alt: "", width: 28, height: 28 }), "Corridor"),
      h("label", { for: "key" }, "Access key"),
      input,
      h("p", { id: "key-help", class: "quiet" }, "It was printed when Corridor was started for the first time. It stays in this browser tab."),
      said,
      submit,
    );
    const dialog = h("div", { class: "login", role: "dialog", "aria-modal": "true", "aria-label": "Log in" }, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const key = input.value.trim();
      submit.disabled = true;
      void tryKey(key).then((problem) => {
        submit.disabled = false;
        if (problem) {
          said.textContent = problem;
          input.select();
          return;
        }
        sessionStorage.setItem(KEPT, key);
        dialog.remove();
        done(key);
      });
    });
    document.body.append(dialog);
    input.focus();
  });
}

async function tryKey(key: string): Promise<string | null> {
  try {
    await new Api(key).whoami();
    return null;
  } catch (error) {
    return error instanceof ApiError ? `The server said: ${error.message}` : "The server can't be reached. Is it running?";
  }
}
