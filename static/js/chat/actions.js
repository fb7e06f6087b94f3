/** What one can do with a message: copy it, say what one thinks of it, ask for it again. */

import { write } from "./clipboard.js";
import { icon, make, unseen } from "./dom.js";
import { ask, Fault, fault } from "./protocol.js";
import { word } from "./words.js";

/** What only these buttons show. */
const DRAWINGS = {
  again: "M19 12a7 7 0 1 1-2.1-5M19 3.5V8h-4.5",
  copy: "M9 9h10v11H9zM5 15V4h10",
  done: "M5 12.5l4.5 4.5L19 7.5",
  "thumb-down": "M16 13l-3.5 7c-1.4 0-2.3-1-2.1-2.3L11 14H6.4c-1.3 0-2.2-1.2-1.9-2.4l1.3-5.4c.2-1 1-1.7 2-1.7H16zM16 13h3.5V4.5H16",
  "thumb-up": "M8 11l3.5-7c1.4 0 2.3 1 2.1 2.3L13 10h4.6c1.3 0 2.2 1.2 1.9 2.4l-1.3 5.4c-.2 1-1 1.7-2 1.7H8zM8 11H4.5v8.5H8",
};
const PAGE = 20;
const COPIED_FOR = 2000;
const THUMBS = { positive: "thumb-up", negative: "thumb-down" };

/**
 * Give a message its buttons, and its code blocks theirs; again does nothing.
 * @param {HTMLElement} item
 */
export function dress(item) {
  for (const pre of item.querySelectorAll(":scope > .prose pre")) dressCode(pre);
  const foot = item.querySelector(":scope > .item-foot");
  const mine = item.matches(".item-user");
  if (!foot || foot.querySelector(".item-actions") || !(mine || item.matches(".item-assistant"))) return item;
  const copy = actionButton("copy", "copy", word(mine ? "act.copyMine" : "act.copy"));
  const thumbs = mine || item.querySelector(":scope > .outcome") ? null : thumbPair(foot.querySelector(".thumbed"));
  foot.querySelector(".thumbed")?.remove();
  foot.prepend(make("span", { class: "item-actions" }, copy, thumbs));
  return item;
}

/** @param {HTMLElement} pre */
function dressCode(pre) {
  if (pre.parentElement?.matches(".code")) return;
  const frame = make("div", { class: "code" });
  pre.replaceWith(frame);
  frame.append(pre, actionButton("copy-code", "copy", word("act.copyCode")));
}

function thumbPair(thumbed) {
  const buttons = Object.entries(THUMBS).map(([kind, drawing]) => {
    const button = actionButton(kind, drawing, word(`act.${kind}`));
    button.setAttribute("aria-pressed", String(thumbed?.dataset.feedback === kind));
    return button;
  });
  return make("span", { class: "item-thumbs" }, ...buttons);
}

/**
 * Make a small button that shows only a drawing.
 * @param {string} action
 * @param {string} drawing
 * @param {string} name
 */
export function actionButton(action, drawing, name) {
  const attributes = { class: "item-action", type: "button", "data-action": action, title: name };
  return make("button", attributes, icon(DRAWINGS[drawing]), unseen(name));
}

/** Does what the buttons of a list of messages are for. */
export class Actions {
  #room;
  #loading = new Map();

  /** @param {any} room what the element lends: its parts, and what to tell it */
  constructor(room) {
    this.#room = room;
  }

  /** @param {HTMLElement} list */
  listen(list) {
    list.addEventListener("click", (event) => this.#act(buttonOf(event)));
    // Some browsers allow copying only at once after a click: the text has to be there by then.
    for (const type of ["pointerover", "focusin"]) {
      list.addEventListener(type, (event) => this.#prepare(buttonOf(event)));
    }
  }

  #act(button) {
    const item = button?.closest(".item");
    if (!item) return;
    const { action } = button.dataset;
    if (action === "copy") this.#copy(button, () => this.#wordsOf(item));
    else if (action === "copy-code") this.#copy(button, () => codeOf(button));
    else if (action in THUMBS) this.#thumb(button, item);
  }

  #prepare(button) {
    if (button?.dataset.action === "copy") this.#wordsOf(button.closest(".item")).catch(() => {});
  }

  async #copy(button, words) {
    const { fail, say } = this.#room;
    try {
      await write(await words());
      say(word("act.copied"));
      showCopied(button);
    } catch (error) {
      fail(error instanceof Fault ? error : fault("not_copied", false), []);
    }
  }

  async #thumb(button, item) {
    const { api, fail, say, threadId } = this.#room;
    const pair = [...button.parentElement.children];
    const before = pair.map((one) => one.getAttribute("aria-pressed"));
    if (button.getAttribute("aria-pressed") === "true") return;
    for (const one of pair) one.setAttribute("aria-pressed", String(one === button));
    const params = { thread_id: threadId(), item_ids: [item.dataset.item], kind: button.dataset.action };
    try {
      await ask(api(), "items.feedback", params);
      say(word("act.thanks"));
    } catch (error) {
      pair.forEach((one, at) => one.setAttribute("aria-pressed", before[at]));
      fail(error, []);
    }
  }

  /** A person's words are on the page as they were written, an answer's Markdown is not. */
  async #wordsOf(item) {
    if (item.matches(".item-user")) return item.querySelector(".bubble").textContent;
    const { conversation } = this.#room;
    const { item: id } = item.dataset;
    const known = () => conversation.markdownOf(id);
    if (known() === null) {
      if (!this.#loading.has(id)) this.#loading.set(id, this.#load(item).finally(() => this.#loading.delete(id)));
      await this.#loading.get(id);
    }
    if (known() === null) throw fault("not_copied", false);
    return known();
  }

  /** Read the item, and those around it: the protocol has pages and no single items. */
  async #load(item) {
    const { api, conversation, threadId } = this.#room;
    const before = neighbour(item, "previousElementSibling");
    const place = before ? { order: "asc", after: before } : { order: "desc", after: neighbour(item, "nextElementSibling") };
    const page = await ask(api(), "items.list", { thread_id: threadId(), limit: PAGE, ...place });
    conversation.learn(page.data);
  }
}

const buttonOf = (event) => event.target.closest?.("button[data-action]");

const codeOf = (button) => button.parentElement.querySelector("pre").textContent.replace(/\n$/, "");

function neighbour(item, direction) {
  let next = item[direction];
  while (next && !next.dataset.item) next = next[direction];
  return next?.dataset.item ?? null;
}

function showCopied(button) {
  const drawing = icon(DRAWINGS.done);
  const before = button.querySelector(".icon:not(.icon-done)");
  if (!before || button.querySelector(".icon-done")) return;
  drawing.classList.add("icon-done");
  before.before(drawing);
  setTimeout(() => drawing.remove(), COPIED_FOR);
}
