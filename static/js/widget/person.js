/** Who is signed in, as far as the server says. */

import { Fault, refusal } from "../chat/protocol.js";
import { signed } from "../chat/signed.js";
import { word } from "../chat/words.js";

const LIMIT = 10_000;
const EVERY = 30_000;
/** After a fault, so that it passes without anybody's help. */
const SOON = 5_000;
/** A window that is looked at says so in two ways at once. */
const FRESH = 1_000;
/** A ChatKit server that knows nothing of sessions has no such address. */
const PLAIN = new Set([404, 405, 501]);

/**
 * @typedef {{ kind: "person", id: string, name: string }
 *   | { kind: "nobody", id: null, signInUrl: string | null }
 *   | { kind: "anyone", id: null }} Who `anyone` is how a server sees people that has no sign-in
 */

/** Asks who is signed in, once at a time, and never while the panel is closed or its tab hidden. */
export class Watch {
  #calls;
  #open = false;
  #asking = false;
  #again = false;
  #at = -Infinity;
  #timer = 0;
  #came = false;
  #dropped = false;

  /**
   * @param {{ address: () => string, getToken: () => any,
   *   found: (who: Who, how: { came: boolean }) => void, failed: (fault: Fault) => void }} calls
   *   `came` is whether somebody just came back to this tab
   */
  constructor(calls) {
    this.#calls = calls;
    const came = () => this.#comeBack();
    document.addEventListener("visibilitychange", came);
    for (const type of ["focus", "pageshow"]) window.addEventListener(type, came);
    window.addEventListener("online", () => this.look());
  }

  /** The panel is open from now on, or closed. */
  set open(open) {
    if (open === this.#open) return;
    this.#open = open;
    if (open) this.look();
    else clearTimeout(this.#timer);
  }

  /** What is being asked now is out of date before it is answered. */
  drop() {
    this.#dropped = true;
  }

  /** Ask now; somebody who is asking already asks once more. */
  look() {
    if (this.#asking) this.#again = true;
    else if (this.#open && document.visibilityState === "visible") this.#ask();
  }

  #comeBack() {
    if (this.#asking || performance.now() - this.#at < FRESH) return;
    this.#came = true;
    this.look();
  }

  async #ask() {
    clearTimeout(this.#timer);
    const came = this.#came;
    [this.#asking, this.#again, this.#came, this.#dropped] = [true, false, false, false];
    const [who, error] = await answered((signal) => this.#read(signal)).then((found) => [found, null], (caught) => [null, caught]);
    [this.#asking, this.#at] = [false, performance.now()];
    if (this.#again) return this.look();
    if (this.#open) this.#timer = setTimeout(() => this.look(), who ? EVERY : SOON);
    if (this.#dropped) return undefined;
    return who ? this.#calls.found(who, { came }) : this.#calls.failed(asFault(error));
  }

  /** @param {AbortSignal} signal @returns {Promise<Who>} */
  async #read(signal) {
    const headers = new Headers({ Accept: "application/json" });
    const send = (credentials) => fetch(this.#calls.address(), { headers, credentials, signal, cache: "no-store" });
    const answer = await signed(headers, this.#calls.getToken(), send, knowsNobody);
    if (PLAIN.has(answer.status)) return { kind: "anyone", id: null };
    if (answer.status === 401) return { kind: "nobody", id: null, signInUrl: null };
    if (answer.status === 429) throw await refusal(answer);
    if (!answer.ok) throw new Fault("no_session", word("panel.unknown"), { status: answer.status, allowRetry: true });
    const { user, sign_in_url: signInUrl = null } = await answer.json();
    return user ? { kind: "person", id: String(user.id), name: String(user.name ?? "") } : { kind: "nobody", id: null, signInUrl };
  }
}

/** The answer about a token that ran out is that nobody is here. */
async function knowsNobody(answer) {
  if (!answer.ok) return answer.status === 401;
  const said = await answer.clone().json().catch(() => null);
  return said?.user === null;
}

/** Give up after a while, also when it is the page's own getToken that never answers. */
function answered(ask) {
  const signal = AbortSignal.timeout(LIMIT);
  const late = new Promise((_done, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  return Promise.race([ask(signal), late]);
}

function asFault(error) {
  if (error instanceof Fault) return error;
  const code = navigator.onLine === false ? "offline" : "unreachable";
  return new Fault(code, word(`panel.${code}`), { allowRetry: true });
}
