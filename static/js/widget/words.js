/** The few things that the launcher says before the panel, which has words of its own, is there. */

const LANGUAGES = {
  en: {
    lang: "en",
    title: "Chat",
    open: "Open chat",
    close: "Close chat",
    ask: "Ask about this",
    opening: "Opening the chat…",
    slow: "Still opening the chat. It takes a while.",
    failed: "The chat could not be loaded.",
    offline: "You are offline. The chat opens when you are back online.",
    again: "Try again",
  },
};

/**
 * Return the words of a language: `de` for `de-AT`, and English for all that we do not speak.
 * @param {string} wanted A BCP 47 tag
 * @returns {typeof LANGUAGES.en}
 */
export const words = (wanted) => LANGUAGES[wanted] ?? LANGUAGES[wanted.split("-")[0]] ?? LANGUAGES.en;
