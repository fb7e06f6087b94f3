/** Fetching the panel at the first opening, and what is shown until it is there. */

import { emit } from "./host.js";
import { make } from "./make.js";
import { options } from "./options.js";
import { folder } from "./place.js";
import { STATES } from "./words.js";

const SLOW_MS = 8000;

const status = make("p", { role: "status" });
const again = make("button", { class: "again" }, new Text("Try again"));

export const waiting = make("div", { class: "waiting", lang: "en", dir: "ltr" }, status, again);

let state = "";
let tries = 0;

/**
 * Get the panel, unless that is going on or done. It tries again by itself when the device comes
 * back online, and when the person asks for it.
 * @param {(module: any) => Promise<void>} use Builds the panel; a failure counts as one of loading
 * @param {() => void} changed The state is another
 */
export function load(use, changed) {
  if (state) return;
  const show = (next) => {
    state = next;
    changed();
  };
  const attempt = async () => {
    if (!navigator.onLine) return show("offline");
    show("opening");
    const slow = setTimeout(show, SLOW_MS, "slow");
    const { origin, ui } = options();
    const name = ui === "chatkit" ? "official" : "panel";
    try {
      // A browser may remember that an address failed.
      await use(await import(`${new URL(folder, origin)}/${name}.js${tries++ ? `?try=${tries}` : ""}`));
      show("there");
    } catch (error) {
      show(navigator.onLine ? "failed" : "offline");
      if (state === "failed") console.error("Threadkeeper: see ALLOWED_ORIGINS and script-src", error);
      emit("error", { error });
    }
    clearTimeout(slow);
  };
  again.onclick = () => {
    // The button goes, and the focus must not go with it.
    again.closest("section")?.focus();
    attempt();
  };
  // Failed, or offline.
  addEventListener("online", () => /f/.test(state) && attempt());
  attempt();
}

/** Show the state, and return it. */
export function drawWaiting() {
  const line = STATES[state] ?? "";
  // The same words again would be said again.
  if (status.textContent !== line) status.textContent = line;
  again.hidden = state !== "failed";
  return state;
}
