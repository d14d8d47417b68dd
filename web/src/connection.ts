/** The connection's state in words: live, connecting, or lost with the time to the next try. */

import { h } from "./dom.ts";
import { clock } from "./format.ts";
import type { Store } from "./store.ts";

export function connection(store: Store, retry: () => void): HTMLElement {
  const word = h("span", { class: "pill-word" });
  const button = h("button", { type: "button", class: "pill", onclick: retry }, h("span", { class: "pill-dot", "aria-hidden": "true" }), word);
  let timer = 0;
  const show = () => {
    const { status } = store;
    window.clearTimeout(timer);
    button.dataset.phase = status.phase;
    button.disabled = status.phase !== "waiting";
    if (status.phase === "live") {
      word.textContent = "Live";
      button.title = "Connected: positions and events arrive as they happen";
    } else if (status.phase === "connecting") {
      word.textContent = status.attempt ? "Reconnecting" : "Connecting";
      button.title = "";
    } else if (status.phase === "refused") {
      word.textContent = "Key refused";
      button.title = status.reason;
    } else {
      const left = Math.max(0, Math.ceil((status.retryAt - Date.now()) / 1000));
      word.textContent = left ? `Lost · retry in ${left} s` : "Lost · retrying";
      button.title = `Connection lost at ${clock(status.lostAt)}. Press to try at once.`;
      timer = window.setTimeout(show, 500);
    }
  };
  store.on("status", show);
  store.on("identity", () => (button.hidden = store.feedsOnly));
  show();
  return button;
}
