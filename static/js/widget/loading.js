/** Fetching the panel at the first opening, and what is shown until it is there. */

import { emit } from "./host.js";
import { make } from "./make.js";
import { options } from "./options.js";
import { folder, origin } from "./place.js";
import { words } from "./words.js";

const SLOW_MS = 8000;

const status = make("p", { role: "status" });
const again = make("button", { class: "again" });

export const waiting = make("div", { class: "waiting" }, status, again);

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
    const name = options().ui === "chatkit" ? "official" : "panel";
    try {
      // A browser may remember that an address failed.
      await use(await import(`${folder}/${name}.js${tries++ ? `?try=${tries}` : ""}`));
      show("there");
    } catch (error) {
      show(navigator.onLine ? "failed" : "offline");
      if (state === "failed") console.error(`Threadkeeper: no panel. Is ${location.origin} in ALLOWED_ORIGINS of ${origin}, and that in script-src of this page's CSP?`, error);
      emit("error", { error });
    }
    clearTimeout(slow);
  };
  again.onclick = attempt;
  addEventListener("online", () => ["failed", "offline"].includes(state) && attempt());
  attempt();
}

/** Show the state in the words of the options as they are now, and return it. */
export function drawWaiting() {
  const said = words(options().language);
  const line = said[state] ?? "";
  // The same words again would be said again.
  if (status.textContent !== line) status.textContent = line;
  again.textContent = said.again;
  again.hidden = state !== "failed";
  waiting.className = `waiting ${state}`;
  return state;
}
