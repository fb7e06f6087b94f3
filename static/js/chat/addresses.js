/** Addresses that a page may link to, or show. */

const WEB_LINK = /^(?:https?:\/\/|mailto:)[^\s\x00-\x1f\x7f\\]+$/i;

/**
 * Return the address if a page may link to it, else null.
 * @param {string} address
 */
export function safeLink(address) {
  if (!WEB_LINK.test(address) || !URL.canParse(address)) return null;
  return ["http:", "https:", "mailto:"].includes(new URL(address).protocol) ? address : null;
}

/**
 * Return the address at which a page may show the picture, or null: only pictures of the chat's own
 * origin. On somebody else's page the browser would ask that site for anything, with its cookies.
 * @param {string} address
 * @param {string} origin of the chat; empty for no pictures at all
 */
export function safeImage(address, origin) {
  const rooted = /^\/(?![/\\])[^\t\r\n]*$/.test(address);
  if (!origin || (!rooted && safeLink(address) === null)) return null;
  const url = new URL(address, origin);
  if (url.origin !== origin) return null;
  // On the chat's own pages the address stays as it was written.
  return new URL(address, document.baseURI).href === url.href ? address : url.href;
}

/**
 * Return the origin of the server at this address, which may be relative to the page; empty if it is none.
 * @param {string} url
 */
export const originOf = (url) => (URL.canParse(url, document.baseURI) ? new URL(url, document.baseURI).origin : "");
