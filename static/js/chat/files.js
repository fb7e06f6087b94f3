/** Files are not taken: one that is dropped or pasted is caught, so that the page says why. */

/**
 * Catch files in an element that nothing in it caught, and call `refuse` for each attempt.
 * @param {HTMLElement} element what is pasted is caught in its shadow root, if it has one
 * @param {() => void} refuse
 */
export function catchFiles(element, refuse) {
  const caught = (event, data) => {
    // Text that comes along with files, as from a word processor, is pasted as usual.
    if (event.defaultPrevented || !hasFiles(data) || (event.type === "paste" && data.types.includes("text/plain"))) return;
    event.preventDefault();
    if (event.type !== "dragover") refuse();
  };
  element.addEventListener("dragover", (event) => caught(event, event.dataTransfer));
  element.addEventListener("drop", (event) => caught(event, event.dataTransfer));
  element.shadowRoot?.addEventListener("paste", (event) => caught(event, event.clipboardData));
}

/** @param {DataTransfer | null} data */
function hasFiles(data) {
  return Boolean(data?.types.includes("Files"));
}
