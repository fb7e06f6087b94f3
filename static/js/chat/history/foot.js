/** What stands below rows: more of them, waiting for them, what went wrong, or a last word. */

import { make } from "../dom.js";
import { word } from "../words.js";

/** How far below the window more is loaded, so that few readers ever wait. */
const AHEAD = "0px 0px 300px 0px";
const BARS = 6;

/** The end of a pane, which loads more when the reader comes near. */
export class Foot {
  #room;
  #bars = make("div", { class: "past-bars", "aria-hidden": "true" }, ...Array.from({ length: BARS }, () => make("i")));
  #note = make("p", { class: "past-note" });
  #problem = make("p", { class: "past-problem", role: "alert" });
  #button = make("button", { class: "past-more", type: "button" });
  #link = make("a", { class: "button button-small" }, word("fault.signIn"));
  #follow = false;
  #near = false;
  #busy = false;

  /**
   * @param {HTMLElement} pane scrolls
   * @param {any} room
   * @param {() => void} load
   */
  constructor(pane, room, load) {
    this.#room = room;
    this.element = make("div", { class: "past-foot" }, this.#bars, this.#problem, this.#note, this.#link, this.#button);
    this.#button.addEventListener("click", () => !this.#busy && load());
    const seen = (entries) => {
      this.#near = entries.at(-1).isIntersecting;
      if (this.#near && this.#follow) load();
    };
    this.observer = "IntersectionObserver" in window ? new IntersectionObserver(seen, { root: pane, rootMargin: AHEAD }) : null;
    this.show({});
  }

  /** Whether the keyboard is at the way to more. */
  get focused() {
    return this.#button.getRootNode().activeElement === this.#button;
  }

  /**
   * @param {{ note?: any, problem?: string, more?: any, busy?: string, follow?: boolean, signIn?: any }} what
   *   `busy`: words in the button, or "all" when there are no rows yet; `follow`: without a click
   */
  show({ note, problem, more, busy = "", follow = false, signIn }) {
    this.#busy = Boolean(busy);
    this.#bars.hidden = busy !== "all";
    put(this.#note, note);
    put(this.#problem, problem);
    put(this.#button, busy === "all" ? "" : busy || more);
    this.#button.ariaBusy = String(this.#busy);
    this.#link.hidden = !signIn;
    if (signIn) this.#link.setAttribute("href", signIn);
    this.#follow = Boolean(more) && follow;
    // Observing anew tells whether it is near.
    this.observer?.unobserve(this.#button);
    if (this.#follow) this.observer?.observe(this.#button);
  }

  /** Say what went wrong; only the reader tries again. */
  fail(error) {
    const { emit, options } = this.#room;
    this.show({ problem: error.message, more: word("fault.again"), signIn: error.status === 401 && options.signInUrl() });
    emit("chatkit.error", { error });
  }
}

function put(element, words) {
  element.hidden = !words;
  element.textContent = words || "";
}
