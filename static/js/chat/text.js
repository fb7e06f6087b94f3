/** What is sent must be text that a database takes: no NUL, no half of a surrogate pair. */

/**
 * Return the text without NUL characters and lone surrogates.
 * @param {unknown} text
 * @returns {string}
 */
export function clean(text) {
  // With the u flag a surrogate matches only when its other half is missing.
  return String(text ?? "").replace(/\p{Surrogate}|\0/gu, "");
}
