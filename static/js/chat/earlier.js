/** The way to earlier messages: a link or a button, which follows itself when the reader nears it. */

import { word } from "./words.js";

/** How far above the window it may be, so that few readers ever wait. */
const AHEAD = "300px 0px 0px 0px";
/** Pages that come one after the other without the reader scrolling: all of one may be hidden. */
const MOST = 3;

/** What stands above the first message. Without an observer it is what it looks like. */
export class Earlier {
  #control;
  #scroller;
  #load;
  #observer = /** @type {IntersectionObserver | null} */ (null);
  #near = false;
  #left = 0;
  #said = /** @type {"more" | "loading" | "failed"} */ ("more");

  /**
   * @param {HTMLElement} control
   * @param {HTMLElement} scroller
   * @param {() => Promise<boolean>} load settles when a page was loaded: true, or was not: false
   */
  constructor(control, scroller, load) {
    this.#control = control;
    this.#scroller = scroller;
    this.#load = load;
    control.addEventListener("click", (event) => {
      event.preventDefault();
      this.#follow();
    });
    for (const type of ["scroll", "wheel", "touchmove"]) {
      scroller.addEventListener(type, () => this.#watch(), { passive: true });
    }
  }

  /** Whether there is something to lead to. */
  set shown(shown) {
    if (!shown && this.#control.matches(":focus")) this.#scroller.focus({ preventScroll: true });
    this.#control.hidden = !shown;
    this.#say("more");
  }

  /** The reader moves: what comes near is loaded, from the first time on. */
  #watch() {
    this.#left = MOST;
    if (this.#observer || !("IntersectionObserver" in window)) return this.#followIfNear();
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { root: this.#scroller, rootMargin: AHEAD });
    this.#observer.observe(this.#control);
  }

  #seen(entries) {
    this.#near = entries.at(-1).isIntersecting;
    this.#followIfNear();
  }

  #followIfNear() {
    const ready = this.#near && this.#left > 0 && this.#said === "more";
    if (ready && !this.#control.hidden) this.#follow();
  }

  async #follow() {
    if (this.#control.ariaBusy === "true") return;
    this.#left -= 1;
    this.#control.ariaBusy = "true";
    this.#say("loading");
    const loaded = await this.#load();
    this.#control.ariaBusy = "false";
    // After a failure only the reader tries again.
    this.#say(loaded ? "more" : "failed");
    this.#near = false;
    // Observing anew tells whether it is still near.
    this.#observer?.unobserve(this.#control);
    if (loaded) this.#observer?.observe(this.#control);
  }

  /** The language may have become another one. */
  reword() {
    this.#say(this.#said);
  }

  /** @param {"more" | "loading" | "failed"} said */
  #say(said) {
    this.#said = said;
    this.#control.textContent = word(`earlier.${said}`);
  }
}
