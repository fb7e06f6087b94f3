/** The options of the element: the official element's names, checked, with our defaults. */

/**
 * @typedef {object} ChatOptions
 * @property {{ url: string, fetch?: typeof fetch }} api
 * @property {string | null} [initialThread]
 * @property {{ placeholder?: string, draftOwner?: string }} [composer] `draftOwner` is our own: whose
 *   drafts are kept; without it none are
 * @property {{ greeting?: string, prompts?: { label: string, prompt: string }[] }} [startScreen]
 * @property {string | (() => string)} [signInUrl] our own: where a person whose session ended signs in
 */

const GREETING = "What would you like to talk about?";
const PLACEHOLDER = "Write a message";

/**
 * Return the options with defaults for what is missing or of the wrong type.
 * @param {any} given
 */
export function readOptions(given) {
  const options = object(given, "options");
  const api = object(options.api, "api");
  const composer = object(options.composer, "composer");
  const start = object(options.startScreen, "startScreen");
  return {
    api: { url: string(api.url, "api.url", ""), fetch: typeof api.fetch === "function" ? api.fetch : undefined },
    initialThread: options.initialThread === null ? null : string(options.initialThread, "initialThread", null),
    placeholder: string(composer.placeholder, "composer.placeholder", PLACEHOLDER),
    draftOwner: string(composer.draftOwner, "composer.draftOwner", null),
    start: { greeting: string(start.greeting, "startScreen.greeting", GREETING), prompts: promptsOf(start.prompts) },
    signInUrl: typeof options.signInUrl === "function" ? options.signInUrl : () => string(options.signInUrl, "signInUrl", ""),
  };
}

function promptsOf(given) {
  if (given === undefined) return [];
  if (Array.isArray(given)) return given.filter((one) => typeof one?.label === "string" && typeof one?.prompt === "string");
  return warn("startScreen.prompts", given, []);
}

function object(given, name) {
  if (given === undefined || given === null) return {};
  return typeof given === "object" ? given : warn(name, given, {});
}

function string(given, name, fallback) {
  if (given === undefined || given === null) return fallback;
  return typeof given === "string" ? given : warn(name, given, fallback);
}

function warn(name, given, fallback) {
  console.warn("threadkeeper-chat: the option %s can't be a %s; it is left out", name, typeof given);
  return fallback;
}
