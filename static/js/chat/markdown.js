/**
 * Markdown as it streams in. It only ever makes elements from the list below, and judges every
 * address; chat/web/markdown.py follows the same rules, and the tests hold the two together.
 */

import * as smd from "../../vendor/streaming-markdown-0.2.15.min.js";
import { make } from "./dom.js";

const WEB_LINK = /^(?:https?:\/\/|mailto:)[^\s\x00-\x1f\x7f\\]+$/i;
const LANGUAGE = /^[\w+#.-]{1,40}$/;
const URL_WORD = /^<?([^\s<>]*)>?(?:\s|$)/;
const TRAILING = /[.,;:!?'")\]*_~]+$/;
const DEEPEST = 24;
/**
 * Characters. So much is read as Markdown, and what follows is shown as it is, in parts: a page then
 * never lays out more than one part anew. Each ends with a line, if one ends within SLACK.
 */
const PLAIN_ABOVE = 60_000;
const PLAIN_PART = 4_000;
const SLACK = 1_000;
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
const CODE = new Set([smd.CODE_BLOCK, smd.CODE_FENCE, smd.CODE_INLINE]);
const BRACKETS = new Map([
  [smd.EQUATION_INLINE, ["(", ")"]],
  [smd.EQUATION_BLOCK, ["[", "]"]],
]);

/**
 * Return the address if a page may link to it, else null.
 * @param {string} address
 */
export function safeLink(address) {
  if (!WEB_LINK.test(address) || !URL.canParse(address)) return null;
  return ["http:", "https:", "mailto:"].includes(new URL(address).protocol) ? address : null;
}

/**
 * Return the address if a page may show the picture: it is on the page's own origin; else null.
 * @param {string} address
 */
export function safeImage(address) {
  const rooted = /^\/(?![/\\])[^\t\r\n]*$/.test(address);
  if (!rooted && safeLink(address) === null) return null;
  const url = new URL(address, location.href);
  return url.origin === location.origin ? address : null;
}

/** Writes Markdown into an element, piece by piece. */
export class MarkdownWriter {
  /** What was written so far. */
  text = "";
  #root;
  #parser;
  #renderer;
  /** The part that is shown as it is, and how long the part being written is. */
  #plain = /** @type {HTMLElement | null} */ (null);
  #length = 0;
  #full = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#renderer = new SafeRenderer(root, () => this.#makeRoom());
    this.#parser = smd.parser(this.#renderer.interface());
    this.#makeRoom();
  }

  /** @param {string} piece */
  write(piece) {
    this.text += piece;
    while (piece) {
      if (this.#full) this.#beginPlain();
      const part = piece.slice(0, this.#fitting(piece));
      piece = piece.slice(part.length);
      if (this.#plain) addText(this.#plain, part);
      else this.#parse(part);
    }
  }

  /** Finish: what was left open is closed. */
  end() {
    if (this.#plain) return;
    smd.parser_end(this.#parser);
    this.#renderer.finish();
  }

  /** How much of a piece belongs to the part that is being written. */
  #fitting(piece) {
    const least = (this.#plain ? PLAIN_PART : PLAIN_ABOVE) - this.#length;
    const most = least + SLACK;
    const line = piece.indexOf("\n", Math.max(0, least));
    const ends = line >= 0 && line < most;
    let fits = ends ? line + 1 : Math.min(most, piece.length);
    this.#full = ends || fits === most;
    // Two halves make one character.
    if (this.#full && /[\ud800-\udbff]/.test(piece[fits - 1])) fits += 1;
    this.#length += fits;
    return fits;
  }

  #beginPlain() {
    this.end();
    this.#plain = append(this.#root, make("p", { class: "plain" }));
    this.#length = 0;
  }

  #parse(piece) {
    for (const part of piece.split(/(?=\$)/)) {
      if (part[0] === "$" && !this.#takesDollars()) smd.parser_write(this.#parser, "\\");
      smd.parser_write(this.#parser, part);
    }
  }

  /** The parser's own arrays end at 24 levels, and it loses its way beyond. */
  #makeRoom() {
    const parser = this.#parser;
    if (parser.spaces instanceof Uint32Array && parser.len + 2 < parser.tokens.length) return;
    for (const name of ["tokens", "spaces"]) {
      const more = new Uint32Array(2 * parser.tokens.length);
      more.set(parser[name]);
      parser[name] = more;
    }
  }

  /**
   * Whether a dollar is only a dollar here. Elsewhere the parser would take it for mathematics and
   * drop it: "$HOME and $PATH" has to keep both, so it is escaped.
   */
  #takesDollars() {
    const { token, tokens, len, pending } = this.#parser;
    const inAddress = token === smd.RAW_URL || pending.startsWith("](");
    return CODE.has(token) || CODE.has(tokens[len]) || inAddress || /^[`\\]/.test(pending);
  }
}

/**
 * Write a whole text.
 * @param {HTMLElement} root
 * @param {string} text
 * @returns {HTMLElement} the root
 */
export function renderMarkdown(root, text) {
  const writer = new MarkdownWriter(root);
  writer.write(text);
  writer.end();
  return root;
}

/** The parser's renderer: it keeps the path of open elements and makes only what TAGS allows. */
class SafeRenderer {
  /** @type {{ node: HTMLElement, token: number, source?: string }[]} */
  #open;
  #deeper;

  /**
   * @param {HTMLElement} root
   * @param {() => void} deeper
   */
  constructor(root, deeper) {
    this.#open = [{ node: root, token: 0 }];
    this.#deeper = deeper;
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
    else if (ended.token === smd.IMAGE) showImage(ended.node, ended.source ?? "");
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

function addText(node, text) {
  if (node.lastChild instanceof Text) node.lastChild.appendData(text);
  else node.append(text);
}

function append(parent, child) {
  parent.append(child);
  return child;
}

const tableFrame = () => make("div", { class: "table", tabindex: 0, role: "region", "aria-label": "Table" });

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
  const name = done ? "Done" : "To do";
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
function showImage(span, source) {
  const words = span.textContent || source;
  if (safeImage(source)) {
    span.replaceWith(make("img", { src: source, alt: span.textContent ?? "" }));
  } else if (safeLink(source) && !span.closest("a")) {
    const anchor = make("a", {}, words);
    setLink(anchor, source);
    span.replaceWith(anchor);
  } else span.replaceWith(words);
}
