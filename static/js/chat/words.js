/**
 * What the element says to people, by flat keys; other languages replace what they know. Parts that
 * are loaded on use bring their English words along: message-words.js, card-words.js, official-words.js.
 */

const ENGLISH = {
  "fault.again": "Try again",
  "fault.close": "Close",
  "fault.here": "Something went wrong here. Please try again.",
  "fault.http_error": "The server answered with an error ({status}).",
  "fault.not_understood": "The server sent something that this page does not understand.",
  "fault.offline": "You are offline. Your message is kept here until you are back.",
  "fault.reference": "Reference {reference}",
  "fault.signIn": "Sign in",
  "fault.unreachable": "The server can’t be reached. Please check your connection and try again.",
  "files.refused": "Files can’t be attached here. Please describe or paste the text instead.",
  "header.history": "Conversations",
  "header.new": "New conversation",
  "header.untitled": "New conversation",
  "history.back": "Back to the conversation",
  "history.cancel": "Cancel",
  "history.day.month": "Previous 30 days",
  "history.day.today": "Today",
  "history.day.week": "Previous 7 days",
  "history.day.yesterday": "Yesterday",
  "history.delete": "Delete",
  "history.deleteNamed": "Delete “{title}”",
  "history.deleteQuestion": "Delete this conversation?",
  "history.deleted": "“{title}” is deleted.",
  "history.empty": "No conversations yet. What you ask will be kept here.",
  "history.end": "That is everything.",
  "history.found": "Found: {count}.",
  "history.foundMore": "Found: {count}, and there are more.",
  "history.loading": "Loading…",
  "history.more": "Load more",
  "history.name": "New name",
  "history.nothing": "Nothing found for “{words}”.",
  "history.partly": "Only the conversations that are loaded were looked at.",
  "history.rename": "Rename “{title}”",
  "history.renamed": "Renamed to “{title}”.",
  "history.role.assistant": "Assistant",
  "history.role.user": "You",
  "history.search": "Search conversations",
  "history.shown": "Conversations shown: {count}.",
  "history.unopened": "The list of conversations couldn’t be opened.",
  "history.unreached": "That message is too far back to be shown here.",
  "locale": "en-GB",
  "panel.busy": "An answer is still being written. Your words wait below.",
  "panel.close": "Close chat",
  "panel.ended_title": "You are signed out",
  "panel.ended_words": "Please sign in again. What you were writing is still here.",
  "panel.full_page": "Open the whole page",
  "panel.guest_title": "Sign in to chat",
  "panel.guest_words": "Your conversations are kept for you alone. What you write here waits until you are back.",
  "panel.kept": "Please sign in first. Your words are kept.",
  "panel.offline": "You are offline. What you write is kept here until you are back.",
  "panel.opening": "Opening…",
  "panel.sign_in_failed": "Signing in did not work. Please try again.",
  "panel.slow": "This takes longer than usual. We are still trying.",
  "panel.unknown": "We could not find out who you are.",
  "panel.unreachable": "The chat can’t be reached at the moment. We keep trying.",
  "quote.about": "About: ",
  "quote.added": "The quote is above your message.",
  "quote.remove": "Remove the quote",
  "quote.removed": "The quote is removed.",
  "view.conversation": "Conversation",
  "view.greeting": "What would you like to talk about?",
  "view.messages": "Messages",
  "write.label": "Message",
  "write.placeholder": "Write a message",
  "write.send": "Send",
  "write.stop": "Stop",
};

/**
 * Know more English words.
 * @param {Record<string, string>} words
 */
export const know = (words) => Object.assign(ENGLISH, words);

/** Languages beside English, each loaded by the first page that wants it. */
const LANGUAGES = /** @type {Record<string, () => Promise<any>>} */ ({
  ar: () => import("./words/ar.js"),
  de: () => import("./words/de.js"),
  es: () => import("./words/es.js"),
  fr: () => import("./words/fr.js"),
});
/** Whoever waits for words longer than this is better served in English. */
const PATIENCE = 5_000;

let spoken = /** @type {Record<string, string>} */ (ENGLISH);
let language = "en";
/** Where dates and numbers are as they are written: `de-AT` has its own words for some months. */
let locale = ENGLISH.locale;
/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();
let wanted = "en";
/** The language whose words did not come when they were wanted last. */
let missed = "";

/**
 * Return the words of a key, with `{name}` replaced by the value of that name.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function word(key, values = {}) {
  const words = spoken[key] ?? ENGLISH[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name]?.toLocaleString(locale) ?? whole);
}

/**
 * Return the words for an error of our server. It says them itself, in English; for the codes that
 * people meet, other languages have their own.
 * @param {unknown} code
 * @param {string} said by the server
 */
export const errorWords = (code, said) => spoken[`error.${code}`] ?? said;

/**
 * Return a date or a time as people write it who speak the language of the words.
 * @param {Date} moment
 * @param {Intl.DateTimeFormatOptions} parts
 */
export function dated(moment, parts) {
  const name = JSON.stringify(parts);
  // Making one takes longer than all that it is used for.
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat(locale, parts));
  return formats.get(name).format(moment);
}

/** Return the language of the words, such as `de`. */
export const spokenLanguage = () => language;

/**
 * Speak a language from now on: `de` for `de-AT`, and English for all that we do not know. Return
 * null if its words are here, so that nothing has to wait. Else the promise tells whether they came;
 * they stay English if not, and the next call tries again. What was said already stays as it is.
 * @param {unknown} tag BCP 47
 * @returns {Promise<boolean> | null}
 */
export function speak(tag) {
  const named = String(tag);
  const known = knownIn(tag);
  wanted = named;
  const here = known === language ? spoken : known === "en" && ENGLISH;
  if (here) return void take(known, named, here) ?? null;
  return loaded(known).then((words) => {
    // Another language was asked for meanwhile.
    if (words && wanted === named) take(known, named, words);
    return Boolean(words);
  });
}

/**
 * Whether the words of a language were wanted before and did not come. They are asked for again, and
 * nobody waits for them again.
 * @param {unknown} tag BCP 47
 */
export const areMissed = (tag) => missed === knownIn(tag);

/** @returns {string} the language of ours that a tag means */
function knownIn(tag) {
  const [name] = String(tag).toLowerCase().split("-");
  return Object.hasOwn(LANGUAGES, name) ? name : "en";
}

/** @returns {Promise<Record<string, string> | null>} */
async function loaded(name) {
  let timer = 0;
  const late = new Promise((_done, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came within ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    const { WORDS } = await Promise.race([LANGUAGES[name](), late]);
    if (missed === name) missed = "";
    return WORDS;
  } catch (error) {
    missed = name;
    console.warn(`threadkeeper: the words of the language "${name}" could not be loaded:`, error);
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** A tag that names a country is more exact than ours; one that we do not speak says nothing. */
function take(name, tag, words) {
  const exact = tag.toLowerCase().startsWith(`${name}-`) && isLocale(tag);
  [language, spoken, locale] = [name, words, exact ? tag : words.locale];
  formats.clear();
}

function isLocale(tag) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false;
  }
}
