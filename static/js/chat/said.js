/** What somebody says, or a page for them. */

import { quoteOf } from "./quote.js";
import { clean } from "./text.js";

/**
 * Return the words and the quote of what a page gives to say; a tag is said by its words.
 * @param {{ text?: string, content?: { text: string }[], quote?: string, reply?: string }} given `reply` is
 *   the official element's name for a quote
 */
export function saidIn({ text, content, quote, reply }) {
  const words = text ?? content?.map?.((part) => part?.text ?? "").join("");
  return { text: clean(words), quote: quoteOf(quote ?? reply) };
}
