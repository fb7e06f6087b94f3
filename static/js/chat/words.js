/** What the element says to people, by flat keys; other languages replace what they know. */

const ENGLISH = {
  "header.history": "Conversations",
  "header.new": "New conversation",
  "header.untitled": "New conversation",
  "history.back": "Back to the conversation",
  "history.cancel": "Cancel",
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
  "history.retry": "Try again",
  "history.role.assistant": "Assistant",
  "history.role.user": "You",
  "history.search": "Search conversations",
  "history.shown": "Conversations shown: {count}.",
  "history.signIn": "Sign in",
  "history.unopened": "The list of conversations couldn’t be opened.",
  "history.unreached": "That message is too far back to be shown here.",
  "locale": "en-GB",
  "history.day.today": "Today",
  "history.day.yesterday": "Yesterday",
  "history.day.week": "Previous 7 days",
  "history.day.month": "Previous 30 days",
  "files.refused": "Files can’t be attached here. Please describe or paste the text instead.",
  "panel.again": "Try again",
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
  "panel.sign_in": "Sign in",
  "panel.sign_in_failed": "Signing in did not work. Please try again.",
  "panel.slow": "This takes longer than usual. We are still trying.",
  "panel.unknown": "We could not find out who you are.",
  "panel.unreachable": "The chat can’t be reached at the moment. We keep trying.",
  "official.failed": "The chat by OpenAI could not be loaded.",
  "quote.about": "About: ",
  "quote.added": "The quote is above your message.",
  "quote.remove": "Remove the quote",
  "quote.removed": "The quote is removed.",
  "tool.failed": "The page could not do what the assistant asked for ({name}).",
  "tool.unknown": "The assistant asked this page for something that it can’t do here ({name}).",
};

let spoken = /** @type {Record<string, string>} */ (ENGLISH);

/**
 * Return the words of a key, with `{name}` replaced by the value of that name.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function word(key, values = {}) {
  const words = spoken[key] ?? ENGLISH[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
