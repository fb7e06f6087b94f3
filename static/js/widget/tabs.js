/** What the widgets in the tabs of one site tell each other about who is signed in. */

const NAME = "threadkeeper:widget";

/**
 * @typedef {{ type: "changed", owner: string | null } | { type: "signed-out" }} News
 */

/**
 * Join the other tabs of this site; return how to tell them. Widgets of another server are left out.
 * @param {() => string} server
 * @param {(news: News) => void} heard
 * @returns {(news: News) => void}
 */
export function joinTabs(server, heard) {
  if (!("BroadcastChannel" in window)) return () => {};
  const channel = new BroadcastChannel(NAME);
  channel.addEventListener("message", ({ data }) => data?.server === server() && heard(data));
  return (news) => channel.postMessage({ ...news, server: server() });
}
