/**
 * The few things that the launcher says before the panel, which has words of its own, is there. In
 * languages beside English those are the names of its two buttons: there is no room for more.
 */

/** A language, the name of the button that opens, and of the one at selected text. One text is smallest. */
const NAMES =
  "en|Open chat|Ask about this|de|Chat öffnen|Dazu fragen|fr|Ouvrir le chat|Demander|es|Abrir el chat|Preguntar|ar|فتح الدردشة|اسأل".split("|");

/**
 * Return a language and the two names in it: `de` for `de-AT`, and English for all that we do not
 * speak.
 * @param {string} wanted A BCP 47 tag
 */
export const names = (wanted) => NAMES.slice(Math.max(0, NAMES.indexOf(wanted.split("-")[0])));

/** What is said while the panel is not there, by its state. */
export const STATES = /** @type {Record<string, string>} */ ({
  opening: "Opening the chat…",
  slow: "Opening the chat… It takes a while.",
  failed: "The chat could not be loaded.",
  offline: "You are offline. The chat opens when you are back.",
});
