/** The style sheets of the shadow root: the same files that pages link, adopted. */

const FILES = ["tokens", "button", "message", "actions", "prose", "chat", "header", "history-list"];

let loading = /** @type {Promise<CSSStyleSheet[]> | null} */ (null);

/**
 * Return the sheets, fetched once for all elements of a page. One that cannot be fetched is empty,
 * and is tried again by the next element.
 * @returns {Promise<CSSStyleSheet[]>}
 */
export function sheets() {
  loading ??= Promise.all(FILES.map(load));
  return loading;
}

/** @param {string} name */
async function load(name) {
  const sheet = new CSSStyleSheet();
  try {
    const response = await fetch(new URL(`../../css/${name}.css`, import.meta.url));
    if (response.ok) sheet.replaceSync(await response.text());
    else loading = null;
  } catch {
    loading = null;
  }
  return sheet;
}
