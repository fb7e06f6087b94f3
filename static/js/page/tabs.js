/** What the tabs of one person tell each other: that an answer begins or ends in a thread. */

import { user } from "./memory.js";

/**
 * Join the person's other tabs; return how to tell them.
 * @param {(news: { threadId: string, writing: boolean }) => void} heard
 * @returns {(news: { threadId: string, writing: boolean }) => void}
 */
export function joinTabs(heard) {
  if (!("BroadcastChannel" in window)) return () => {};
  const channel = new BroadcastChannel(`threadkeeper:${user()}`);
  channel.addEventListener("message", ({ data }) => heard(data));
  return (news) => channel.postMessage(news);
}
