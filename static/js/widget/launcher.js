/** What a site embeds: a button, the dialog's frame, and `window.Threadkeeper`. The rest comes later. */

import { setContext } from "./context.js";
import { emit, host, html } from "./host.js";
import { merge, mergeTag } from "./options.js";
import { tag } from "./place.js";
import { watchPage } from "./scheme.js";
import { lookAtSelection, watchSelection } from "./selection.js";
import { ask, build, close, draw, open, refresh, signedOut, toggle } from "./shell.js";

let wanted = tag?.dataset.start !== "manual";
let started = false;
let early = /** @type {(() => void)[]} */ ([]);

/** Do it once the widget is on the page. @type {<A>(act: (word: A) => void) => (word: A) => void} */
const then = (act) => (word) => void (started ? act(word) : early.push(() => act(word)));

const api = {
  element: host,
  init(/** @type {object} */ options) {
    merge(options);
    wanted = true;
    start();
    if (!started) return;
    draw(true);
    lookAtSelection();
  },
  open: then(open),
  close: then(close),
  toggle: then(toggle),
  ask: then(ask),
  setContext,
  refresh,
  signedOut,
  on,
};

/**
 * Call back with the detail of an event, `open` or `chatkit.thread.change`; returns how to stop that.
 * @param {string} name
 * @param {(detail: any) => void} heard
 */
function on(name, heard) {
  const type = name.includes(".") ? name : `threadkeeper.${name}`;
  const listener = (/** @type {any} */ event) => heard(event.detail);
  host.addEventListener(type, listener);
  if (name === "ready" && started) heard(api);
  return () => host.removeEventListener(type, listener);
}

/** Put the widget on the page as soon as there is a body, whose look it follows. */
function start() {
  if (started || !wanted) return;
  if (!document.body) return void addEventListener("DOMContentLoaded", start);
  started = true;
  build();
  watchSelection();
  watchPage(() => {
    // In a task of its own: a page that takes it away again and again must not be held up.
    if (!host.isConnected) setTimeout(() => html.append(host));
    draw();
  });
  html.append(host);
  emit("ready", api);
  for (const act of early) act();
}

// A second copy of this script leaves everything to the first.
if (!(/** @type {any} */ (window).Threadkeeper?.element)) {
  /** @type {any} */ (window).Threadkeeper = api;
  mergeTag(tag?.dataset);
  emit("ready", api, document);
  start();
}
