// @ts-check
/** The widget's options in the words of OpenAI's element; the types of `@openai/chatkit` check them. */

/** @typedef {import("@openai/chatkit").ChatKitOptions} ChatKitOptions */
/** @typedef {import("@openai/chatkit").SupportedLocale} SupportedLocale */

/** Where the country makes a difference; of all other languages the element knows the bare name. */
const WITH_COUNTRY = new Set(["es-419", "fr-CA", "pt-BR", "pt-PT", "zh-CN", "zh-HK", "zh-TW", "zh-Hant"]);

/**
 * Return the element's options: all of them, as it merges none with those before.
 * @param {import("./server.js").Options} options
 * @param {{ url: string, fetch: typeof globalThis.fetch, threadId: string | null, close: () => void, expand: (() => void) | null }} more
 * @returns {ChatKitOptions}
 */
export function officialOptions(options, { url, fetch, threadId, close, expand }) {
  const { domainKey = "", language, theme, color, title, greeting, prompts, placeholder } = options;
  return {
    api: { url, domainKey, fetch },
    frameTitle: title,
    initialThread: threadId,
    locale: localeOf(language),
    theme: { colorScheme: theme, ...(color && { color: { accent: { primary: color, level: 1 } } }) },
    header: {
      ...(expand && { leftAction: { icon: "expand-large", onClick: expand } }),
      rightAction: { icon: "close", onClick: close },
    },
    history: { enabled: true, showDelete: true, showRename: true },
    startScreen: { greeting, prompts: prompts?.map(({ label, prompt }) => ({ label, prompt })) },
    composer: { placeholder, attachments: { enabled: false } },
    threadItemActions: { feedback: true, retry: true },
    thread: { autoScroll: true },
  };
}

/**
 * The element falls back to English for what it does not know, so `de-AT` has to be `de`.
 * @param {string} language
 */
function localeOf(language) {
  const locale = WITH_COUNTRY.has(language) ? language : language.split("-")[0];
  return /** @type {SupportedLocale} */ (locale);
}
