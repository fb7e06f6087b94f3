/** What the widgets in the tabs of one site tell each other about who is signed in. */

import { forgetEverybody, hearSignOut } from "./forget.js";

const NAME = "threadkeeper:widget";

/**
 * @typedef {{ type: "changed", owner: string | null } | { type: "signed-out" }} News
 */

/**
 * Join the other tabs of this site; return how to tell them. Widgets of another server are left out,
 * but for a sign-out: that empties all, and is heard from our own pages too.
 * @param {() => string} server
 * @param {(news: News) => void} heard
 * @returns {(news: News) => void}
 */
export function joinTabs(server, heard) {
  hearSignOut(() => heard({ type: "signed-out" }));
  const channel = openChannel();
  channel?.addEventListener("message", ({ data }) => data?.server === server() && heard(data));
  return (news) => {
    if (news.type === "signed-out") forgetEverybody();
    else channel?.postMessage({ ...news, server: server() });
  };
}

/** Where storage is forbidden, so is this; each tab then looks for itself. */
function openChannel() {
  try {
    return new BroadcastChannel(NAME);
  } catch {
    return null;
  }
}
