/** What the tabs of one person tell each other: answers that begin or end, and what was changed. */

import { user } from "./memory.js";

/**
 * Join the person's other tabs; return how to tell them.
 * @param {(news: object) => void} heard
 * @returns {(news: object) => void}
 */
export function joinTabs(heard) {
  if (!("BroadcastChannel" in window)) return () => {};
  const channel = new BroadcastChannel(`threadkeeper:${user()}`);
  channel.addEventListener("message", ({ data }) => heard(data));
  return (news) => channel.postMessage(news);
}
