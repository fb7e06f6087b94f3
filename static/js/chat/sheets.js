/** Style sheets of the element: the same files that pages link, for its shadow root. */

const loading = /** @type {Map<string, Promise<CSSStyleSheet>>} */ (new Map());

/**
 * Return the sheets of these names, each fetched once for all elements of a page. One that cannot be
 * fetched is empty, and is tried again by the next element.
 * @param {string[]} names
 * @returns {Promise<CSSStyleSheet[]>}
 */
export function fetched(names) {
  for (const name of names) if (!loading.has(name)) loading.set(name, load(name));
  return Promise.all(names.map((name) => loading.get(name)));
}

/** @param {string} name */
async function load(name) {
  const sheet = new CSSStyleSheet();
  try {
    const response = await fetch(new URL(`../../css/${name}.css`, import.meta.url));
    if (response.ok) sheet.replaceSync(await response.text());
    else loading.delete(name);
  } catch {
    loading.delete(name);
  }
  return sheet;
}
