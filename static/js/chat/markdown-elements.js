/**
 * What Markdown becomes: the parser's renderer. It only ever makes elements from the list below, and
 * judges every address.
 */

import * as smd from "../../vendor/streaming-markdown-0.2.15.min.js";
import { safeImage, safeLink } from "./addresses.js";
import { make } from "./dom.js";
import { word } from "./words.js";

const LANGUAGE = /^[\w+#.-]{1,40}$/;
const URL_WORD = /^<?([^\s<>]*)>?(?:\s|$)/;
const TRAILING = /[.,;:!?'")\]*_~]+$/;
const DEEPEST = 24;
/**
 * Browsers lay out a table that grows anew as a whole: after so many rows it goes on in another, and
 * what is too wide goes on in the last cell.
 */
const MOST_ROWS = 100;
const MOST_CELLS = 30;

const TAGS = new Map([
  [smd.PARAGRAPH, "p"],
  [smd.BLOCKQUOTE, "blockquote"],
  [smd.LINE_BREAK, "br"],
  [smd.RULE, "hr"],
  [smd.ITALIC_AST, "em"],
  [smd.ITALIC_UND, "em"],
  [smd.STRONG_AST, "strong"],
  [smd.STRONG_UND, "strong"],
  [smd.STRIKE, "s"],
  [smd.CODE_INLINE, "code"],
  [smd.RAW_URL, "a"],
  [smd.LINK, "a"],
  [smd.IMAGE, "span"],
  [smd.LIST_UNORDERED, "ul"],
  [smd.LIST_ORDERED, "ol"],
  [smd.LIST_ITEM, "li"],
  [smd.EQUATION_INLINE, "span"],
  [smd.EQUATION_BLOCK, "p"],
]);
const HEADINGS = [
  smd.HEADING_1,
  smd.HEADING_2,
  smd.HEADING_3,
  smd.HEADING_4,
  smd.HEADING_5,
  smd.HEADING_6,
];
const BRACKETS = new Map([
  [smd.EQUATION_INLINE, ["(", ")"]],
  [smd.EQUATION_BLOCK, ["[", "]"]],
]);

/** Keeps the path of open elements and makes only what TAGS allows. */
export class SafeRenderer {
  /** @type {{ node: HTMLElement, token: number, source?: string }[]} */
  #open;
  #deeper;
  #origin;

  /**
   * @param {HTMLElement} root
   * @param {() => void} deeper
   * @param {string} origin of the chat, whose pictures are shown
   */
  constructor(root, deeper, origin) {
    this.#open = [{ node: root, token: 0 }];
    this.#deeper = deeper;
    this.#origin = origin;
  }

  interface() {
    return {
      data: null,
      add_token: (_data, token) => this.#add(token),
      end_token: () => this.#end(),
      add_text: (_data, text) => this.#text(text),
      set_attr: (_data, name, value) => this.#set(name, value),
    };
  }

  /** Close what the end of the text left open. */
  finish() {
    while (this.#open.length > 1) this.#end();
  }

  get #top() {
    return this.#open[this.#open.length - 1];
  }

  #add(token) {
    const parent = this.#top.node;
    const deep = this.#open.length > DEEPEST;
    this.#deeper();
    // What would stand in a block of its own must not grow together.
    if (deep && (token < smd.CODE_INLINE || token > smd.IMAGE) && /\S$/.test(parent.lastChild?.data ?? "")) this.#text("\n");
    this.#open.push({ node: deep ? parent : this.#append(parent, token), token });
    const brackets = BRACKETS.get(token);
    if (brackets) this.#text(brackets[0]);
  }

  #append(parent, token) {
    if (HEADINGS.includes(token)) {
      return append(parent, make("h3", { class: `heading-${HEADINGS.indexOf(token) + 1}` }));
    }
    switch (token) {
      case smd.CODE_BLOCK:
      case smd.CODE_FENCE:
        return append(append(parent, make("pre", { tabindex: 0 })), make("code"));
      case smd.TABLE:
        return append(append(parent, tableFrame()), make("table"));
      case smd.TABLE_ROW:
        if (parent.lastElementChild?.childElementCount === MOST_ROWS) this.#top.node = parent = goOn(parent);
        return append(tablePart(parent), make("tr"));
      case smd.TABLE_CELL:
        if (parent.childElementCount === MOST_CELLS) {
          addText(parent.lastElementChild, " | ");
          return parent.lastElementChild;
        }
        return append(parent, make(parent.parentElement?.tagName === "THEAD" ? "th" : "td"));
      case smd.CHECKBOX:
        return append(parent, taskBox(false));
      default:
        return append(parent, make(TAGS.get(token) ?? "span"));
    }
  }

  #end() {
    if (this.#open.length === 1) return;
    const ended = this.#top;
    const brackets = BRACKETS.get(ended.token);
    if (brackets) this.#text(brackets[1]);
    this.#open.pop();
    if (ended.node === this.#top.node) return;
    if (ended.token === smd.RAW_URL) endBareAddress(ended.node);
    else if (ended.token === smd.LINK && !ended.node.hasAttribute("href")) unwrap(ended.node);
    else if (ended.token === smd.EQUATION_INLINE) unwrap(ended.node);
    else if (ended.token === smd.IMAGE) showImage(ended.node, ended.source ?? "", this.#origin);
  }

  #text(text) {
    addText(this.#top.node, text);
  }

  #set(name, value) {
    const { node, token } = this.#top;
    if (name === smd.SRC) this.#top.source = addressOf(value);
    else if (name === smd.HREF && node.tagName === "A") setLink(node, addressOf(value));
    else if (name === smd.CHECKED && token === smd.CHECKBOX) node.replaceWith(taskBox(true));
    else if (name === smd.START && /^\d{1,9}$/.test(value)) node.setAttribute("start", value);
    else if (name === smd.LANG && node.tagName === "CODE") {
      const word = value.trim().split(/\s/)[0];
      if (!LANGUAGE.test(word)) return;
      node.className = `language-${word}`;
      node.closest("pre")?.setAttribute("data-language", word);
    }
  }
}

/** An address as Markdown writes it: in angle brackets or not, and a title behind it or not. */
const addressOf = (value) => URL_WORD.exec(value.trim())?.[1] ?? "";

/** Add to the text at the end of a node. */
export function addText(node, text) {
  if (node.lastChild instanceof Text) node.lastChild.appendData(text);
  else node.append(text);
}

export function append(parent, child) {
  parent.append(child);
  return child;
}

const tableFrame = () => make("div", { class: "table", tabindex: 0, role: "region", "aria-label": word("view.table") });

function goOn(table) {
  const frame = tableFrame();
  table.parentElement.after(frame);
  const next = append(frame, make("table"));
  append(next, make("tbody"));
  return next;
}

/** The head takes the first row of a table, the body all others. */
function tablePart(table) {
  if (table.tagName !== "TABLE") return table;
  if (!table.firstElementChild) return append(table, make("thead"));
  return table.tBodies[0] ?? append(table, make("tbody"));
}

function taskBox(done) {
  const name = word(done ? "view.done" : "view.toDo");
  return make("span", { class: "task", role: "img", "aria-label": name }, done ? "\u2611" : "\u2610");
}

function setLink(anchor, address) {
  const href = safeLink(address);
  if (href === null) return;
  anchor.setAttribute("href", href);
  anchor.setAttribute("target", "_blank");
  anchor.setAttribute("rel", "nofollow noopener noreferrer");
}

function unwrap(node) {
  node.replaceWith(...node.childNodes);
}

/** The parser takes everything up to a space: the full stop behind an address is not part of it. */
function endBareAddress(anchor) {
  const words = anchor.textContent ?? "";
  const tail = TRAILING.exec(words)?.[0] ?? "";
  const address = words.slice(0, words.length - tail.length);
  anchor.textContent = address;
  anchor.after(tail);
  anchor.removeAttribute("href");
  setLink(anchor, address);
  if (!anchor.hasAttribute("href")) unwrap(anchor);
}

/** Pictures of other sites become links: loading one would tell that site who reads. */
function showImage(span, source, origin) {
  const words = span.textContent || source;
  const src = safeImage(source, origin);
  if (src) {
    span.replaceWith(make("img", { src, alt: span.textContent ?? "" }));
  } else if (safeLink(source) && !span.closest("a")) {
    const anchor = make("a", {}, words);
    setLink(anchor, source);
    span.replaceWith(anchor);
  } else span.replaceWith(words);
}
