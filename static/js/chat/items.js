/** How each type of item looks; templates/history/_items.html makes the same elements. */

import { foot } from "./days.js";
import { frame, make, unseen } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { OUTCOMES, outcomeLine } from "./outcomes.js";
import { sourceList } from "./sources.js";

/** What is rarer than messages, and what its element is called. */
const CARDS = {
  client_tool_call: "step",
  task: "step",
  workflow: "step",
  widget: "widget",
  generated_image: "image",
  structured_input: "question",
};
const THUMBED = { positive: "You found this helpful.", negative: "You did not find this helpful." };

/**
 * Make the element of an item, or return null for types that are never shown.
 * @param {any} item a thread item as the protocol sends it
 * @returns {HTMLElement | null}
 */
export function renderItem(item) {
  const element = elementOf(item);
  if (!element) return null;
  if (item.outcome in OUTCOMES) element.append(outcomeLine(item.outcome));
  const thumbed = item.type === "assistant_message" && THUMBED[item.feedback];
  element.append(foot(item, thumbed && make("span", { class: "thumbed", "data-feedback": item.feedback }, thumbed)));
  return element;
}

function elementOf(item) {
  switch (item.type) {
    case "user_message":
      return userItem(item);
    case "assistant_message":
      return assistantItem(item);
    default:
      return Object.hasOwn(CARDS, item.type) ? cardItem(item) : null;
  }
}

function userItem(item) {
  const words = item.content.map((part) => part.text).join("");
  const files = (item.attachments ?? []).map((file) =>
    make("p", { class: "item-note" }, `Attached: ${file.name}`),
  );
  return frame(
    item.id,
    "user",
    unseen("You said:"),
    item.quoted_text && make("blockquote", { class: "quoted", dir: "auto" }, item.quoted_text),
    make("div", { class: "bubble", dir: "auto" }, words),
    ...files,
  );
}

function assistantItem(item) {
  const parts = item.content.map((part) =>
    renderMarkdown(make("div", { class: "prose", dir: "auto" }), part.text),
  );
  return frame(item.id, "assistant", unseen("The assistant said:"), ...parts, sourcesOf(item));
}

let cards = /** @type {typeof import("./cards.js") | null} */ (null);

/**
 * Hand over the module that shows cards; without it, it is loaded with the first of them.
 * @param {typeof import("./cards.js")} module
 */
export function useCards(module) {
  cards = module;
}

function cardItem(item) {
  const element = frame(item.id, CARDS[item.type]);
  if (cards) element.append(cards.contentOf(item));
  else fillLater(element, item);
  return element;
}

/** The element keeps its place meanwhile. */
async function fillLater(element, item) {
  try {
    useCards(await import("./cards.js"));
    element.prepend(cards.contentOf(item));
  } catch (error) {
    console.warn("threadkeeper-chat: a card could not be shown:", error);
    element.prepend(make("p", { class: "item-note" }, "This can’t be shown at the moment."));
  }
}

/**
 * Make the list of what a finished answer refers to, or null.
 * @param {any} item
 */
export function sourcesOf(item) {
  const notes = item.content.flatMap((part) => part.annotations ?? []);
  return sourceList(notes.map((note) => note.source));
}
