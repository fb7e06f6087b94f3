/** How often and how soon a broken stream is joined again. */

import { Fault } from "./protocol.js";

const PAUSES = [300, 1000, 2000, 4000, 8000];
const HELD = 5000;
const PASSING = new Set(["unreachable", "offline", "broken_off"]);

/**
 * Whether a connection broke in a way that may pass.
 * @param {any} error
 */
export function passing(error) {
  return error instanceof Fault && (PASSING.has(error.code) || error.status >= 500 || error.status === 429);
}

/** The tries of one answer. A stream that held for a while earns all of them anew. */
export class Patience {
  #tries = 0;
  #openSince = Infinity;

  /** A stream is open. */
  opened() {
    this.#openSince = performance.now();
  }

  /**
   * Wait for the next try; return false when there is none left. Without a network the tries are
   * not counted: it says itself when it is back.
   * @param {AbortSignal} signal
   */
  async pause(signal) {
    if (performance.now() - this.#openSince > HELD) this.#tries = 0;
    this.#openSince = Infinity;
    if (navigator.onLine === false) {
      await online(signal);
      return true;
    }
    if (this.#tries === PAUSES.length) return false;
    this.#tries += 1;
    await online(signal, PAUSES[this.#tries - 1]);
    return true;
  }
}

/** Wait until the network comes back, at most so many milliseconds; throw when it is aborted. */
async function online(signal, most = Infinity) {
  const waiting = new AbortController();
  await new Promise((done) => {
    const options = { signal: waiting.signal, once: true };
    window.addEventListener("online", done, options);
    signal.addEventListener("abort", done, options);
    if (most !== Infinity) setTimeout(done, most);
    if (signal.aborted) done();
  });
  waiting.abort();
  signal.throwIfAborted();
}
