/** On the page that says that a thread is gone. */

import { forgetThread } from "./memory.js";

/** Forget the thread; if it was opened by itself and not by the reader, show the list instead. */
export function mount() {
  const threadId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
  forgetThread(threadId);
  if (sessionStorage.getItem("threadkeeper:reopening") === threadId) {
    sessionStorage.removeItem("threadkeeper:reopening");
    location.replace("/history/new");
  }
}
