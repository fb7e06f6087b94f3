/** What the element tells: faults to the person, events to the page. */

import { faultRow } from "./faults.js";
import { Fault } from "./protocol.js";
import { word } from "./words.js";

/** Speaks for one element. */
export class Telling {
  #host;
  #faults;
  #signInUrl;

  /**
   * @param {HTMLElement} host
   * @param {HTMLElement} faults where they are shown
   * @param {() => string} signInUrl
   */
  constructor(host, faults, signInUrl) {
    this.#host = host;
    this.#faults = faults;
    this.#signInUrl = signInUrl;
  }

  emit(type, detail) {
    this.#host.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  tell(message, more) {
    this.#faults.replaceChildren(faultRow(message, more));
  }

  /** Say what went wrong and what can be done; who is signed out can sign in. */
  fail(error, remedies) {
    const known = error instanceof Fault;
    if (!known) console.error("threadkeeper-chat:", error);
    const signIn = known && error.status === 401 && this.#signInUrl();
    const offered = signIn ? [{ label: word("fault.signIn"), href: signIn }] : remedies;
    this.tell(known ? error.message : word("fault.here"), { remedies: offered, reference: error.requestId });
    this.emit("chatkit.error", { error });
  }
}
