/** Ties the chat element to the page around it: the address, the title, the list of threads. */

import * as cards from "../chat/cards.js";
import { define } from "../chat/element.js";
import { useCards } from "../chat/items.js";
import * as messages from "../chat/messages.js";
import { useMessages } from "../chat/parts.js";
import { endReopening, rememberThread, user } from "./memory.js";
import { titled } from "./top.js";

const TITLE = "New conversation";

/** @param {HTMLElement & { setOptions: Function, refuseFiles: Function, fetchUpdates: Function, focusComposer: Function }} element */
export function mount(element) {
  const threadId = element.getAttribute("thread-id");
  listen(element);
  // Here messages and cards stand among those that the server rendered, and must not come after them.
  useCards(cards);
  useMessages(messages);
  define();
  element.setOptions({
    api: { url: "/chatkit", fetch: fetchAsShown },
    initialThread: threadId,
    // The page has both beside the conversation.
    header: { enabled: false },
    history: { enabled: false },
    composer: { placeholder: "Write a message", draftOwner: user() },
    startScreen: { greeting: "What would you like to talk about?", prompts: PROMPTS },
    threadItemActions: { feedback: true, retry: true },
    search: true,
    signInUrl: () => `/sign-in?next=${encodeURIComponent(location.pathname)}`,
  });
  if (threadId) rememberThread(threadId);
  endReopening();
}

const PROMPTS = [
  { label: "What can you help me with?", prompt: "What can you help me with?" },
  { label: "Explain an idea simply", prompt: "Explain compound interest to me simply, with an example." },
  { label: "Help me plan my week", prompt: "Help me plan my week. Ask me what you need to know first." },
];

/** Somebody else may have signed in meanwhile, in another tab. */
const fetchAsShown = (url, init) => fetch(url, { ...init, headers: { ...init.headers, "X-Threadkeeper-User": user() } });

function listen(element) {
  element.addEventListener("chatkit.ready", () => ready(element), { once: true });
  element.addEventListener("chatkit.thread.change", (event) => changed(event.detail.threadId));
  element.addEventListener("threadkeeper.thread.update", (event) => titled(event.detail.thread.title || TITLE));
  // A file dropped beside the conversation would replace the page, and with it what was typed.
  for (const type of ["dragover", "drop"]) {
    window.addEventListener(type, (event) => catchFile(event, element));
  }
  // A page out of the back-forward cache shows the past.
  window.addEventListener("pageshow", (event) => event.persisted && element.fetchUpdates());
}

/** The message that an address names is shown, and a mouse user can type at once. */
function ready(element) {
  const named = namedMessage();
  if (named) named.scrollIntoView({ block: "center" });
  else if (matchMedia("(hover: hover)").matches && document.activeElement === document.body) {
    element.focusComposer();
  }
}

/** Anybody can write an address, also one that cannot be read. */
function namedMessage() {
  try {
    return document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return null;
  }
}

function changed(threadId) {
  rememberThread(threadId);
  history.replaceState(null, "", threadId ? `/history/${encodeURIComponent(threadId)}` : "/history/new");
  if (!threadId) titled(TITLE);
}

function catchFile(event, element) {
  if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  if (event.type === "drop") element.refuseFiles();
}
