/** What stands above the conversation: its title, its menu, and whether it is in the archive. */

const top = () => document.getElementById("stage-top");

/** The id of the thread that it is about, or null. */
export const topId = () => top()?.dataset.thread ?? null;

/** Show a title where the open thread has it. */
export function titled(title) {
  document.title = `${title} · Threadkeeper`;
  for (const heading of document.querySelectorAll("[data-thread-title]")) heading.textContent = title;
  for (const name of top()?.querySelectorAll("[data-title]") ?? []) name.textContent = title;
}

/**
 * Ask the server for it as it is now.
 * @param {string | null} threadId
 */
export function setTop(threadId) {
  if (!top() || top().querySelector(".rename")) return;
  const address = threadId ? `/history/${encodeURIComponent(threadId)}` : "/history/new";
  window.htmx?.ajax("GET", address, { source: "#stage-top", target: "#stage-top", swap: "outerHTML" });
}
