/**
 * Markdown as it streams in; markdown-elements.js says what it becomes. chat/web/markdown.py follows
 * the same rules, and the tests hold the two together.
 */

import * as smd from "../../vendor/streaming-markdown-0.2.15.min.js";
import { make } from "./dom.js";
import { addText, append, SafeRenderer } from "./markdown-elements.js";

/**
 * Characters. So much is read as Markdown, and what follows is shown as it is, in parts: a page then
 * never lays out more than one part anew. Each ends with a line, if one ends within SLACK.
 */
const PLAIN_ABOVE = 60_000;
const PLAIN_PART = 4_000;
const SLACK = 1_000;
const CODE = new Set([smd.CODE_BLOCK, smd.CODE_FENCE, smd.CODE_INLINE]);

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

  /**
   * @param {HTMLElement} root
   * @param {string} [origin] of the chat, whose pictures are shown; without it none are
   */
  constructor(root, origin = "") {
    this.#root = root;
    this.#renderer = new SafeRenderer(root, () => this.#makeRoom(), origin);
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
 * @param {string} [origin]
 * @returns {HTMLElement} the root
 */
export function renderMarkdown(root, text, origin) {
  const writer = new MarkdownWriter(root, origin);
  writer.write(text);
  writer.end();
  return root;
}
