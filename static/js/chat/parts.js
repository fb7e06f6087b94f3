/** The part of the element that shows messages: one for all elements of a page, loaded on use. */

import { fault } from "./protocol.js";

/** @typedef {{ furnish: (room: any) => void, renderMarkdown: (root: HTMLElement, text: string) => HTMLElement }} Messages */

let given = /** @type {typeof import("./messages.js") | null} */ (null);
let there = /** @type {Messages | null} */ (null);
let coming = /** @type {Promise<Messages> | null} */ (null);

/**
 * Hand over the module that shows messages; without it, it is loaded with the first of them.
 * @param {typeof import("./messages.js")} module
 */
export function useMessages(module) {
  given = module;
}

/** Whether it need not be loaded. */
export const messagesGiven = () => given !== null;

/** Return what shows messages if it is there, else null. */
export const messagesThere = () => there;

/** Have what shows messages; throw a Fault when it can't be loaded. The next call tries again. */
export async function loadMessages() {
  try {
    return await (coming ??= load());
  } catch (error) {
    coming = null;
    console.warn("threadkeeper-chat: no messages.js:", error);
    throw fault(navigator.onLine === false ? "offline" : "unreachable");
  }
}

async function load() {
  const { furnish, renderMarkdown, sheets } = given ?? (await import("./messages.js"));
  const styles = await sheets();
  return (there = { furnish: (room) => furnish(room, styles), renderMarkdown });
}
