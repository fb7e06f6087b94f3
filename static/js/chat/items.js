/** How each type of item looks; templates/history/_items.html makes the same elements. */

import { foot } from "./days.js";
import { adopt, frame, make, unseen } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { OUTCOMES, outcomeLine } from "./outcomes.js";
import { sourceList } from "./sources.js";
import { word } from "./words.js";

/** What is rarer than messages, and what its element is called. */
const CARDS = {
  client_tool_call: "step",
  task: "step",
  workflow: "step",
  widget: "widget",
  generated_image: "image",
  structured_input: "question",
};
const THUMBED = new Set(["positive", "negative"]);

/**
 * Make the element of an item, or return null for types that are never shown.
 * @param {any} item a thread item as the protocol sends it
 * @param {string} [origin] of the chat, whose pictures are shown
 * @returns {HTMLElement | null}
 */
export function renderItem(item, origin) {
  const element = elementOf(item, origin);
  if (!element) return null;
  if (OUTCOMES.has(item.outcome)) element.append(outcomeLine(item.outcome));
  const thumbed = item.type === "assistant_message" && THUMBED.has(item.feedback) && word(`item.${item.feedback}`);
  element.append(foot(item, thumbed && make("span", { class: "thumbed", "data-feedback": item.feedback }, thumbed)));
  return element;
}

function elementOf(item, origin) {
  switch (item.type) {
    case "user_message":
      return userItem(item);
    case "assistant_message":
      return assistantItem(item, origin);
    default:
      return Object.hasOwn(CARDS, item.type) ? cardItem(item, origin) : null;
  }
}

function userItem(item) {
  const words = item.content.map((part) => part.text).join("");
  const files = (item.attachments ?? []).map((file) =>
    make("p", { class: "item-note" }, word("item.attached", { name: file.name })),
  );
  return frame(
    item.id,
    "user",
    unseen(word("item.you")),
    item.quoted_text && make("blockquote", { class: "quoted", dir: "auto" }, item.quoted_text),
    make("div", { class: "bubble", dir: "auto" }, words),
    ...files,
  );
}

function assistantItem(item, origin) {
  const parts = item.content.map((part) =>
    renderMarkdown(make("div", { class: "prose", dir: "auto" }), part.text, origin),
  );
  return frame(item.id, "assistant", unseen(word("item.assistant")), ...parts, sourcesOf(item));
}

let cards = /** @type {typeof import("./cards.js") | null} */ (null);

/**
 * Hand over the module that shows cards; without it, it is loaded with the first of them.
 * @param {typeof import("./cards.js")} module
 */
export function useCards(module) {
  cards = module;
}

function cardItem(item, origin) {
  const element = frame(item.id, CARDS[item.type]);
  if (cards) fill(element, item, origin);
  else fillLater(element, item, origin);
  return element;
}

/** Cards have style sheets of their own, for the place where they will be. */
function fill(element, item, origin) {
  element.prepend(cards.contentOf(item, origin));
  cardSheets().then((sheets) => adopt(element.getRootNode(), sheets));
}

/** Return what cards look like, if their module is here. */
export const cardSheets = async () => (cards ? cards.cardStyles() : []);

/** The element keeps its place meanwhile. */
async function fillLater(element, item, origin) {
  try {
    useCards(await import("./cards.js"));
    fill(element, item, origin);
  } catch (error) {
    console.warn("threadkeeper-chat: a card could not be shown:", error);
    element.prepend(make("p", { class: "item-note" }, word("item.hidden")));
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
