// @ts-check
/** What the launcher lends to a panel, and the chat's server as it says. */

/**
 * @typedef {object} Options what a site chose, with the launcher's defaults
 * @property {"threadkeeper" | "chatkit"} [ui]
 * @property {string} [apiUrl]
 * @property {string} [domainKey]
 * @property {string} language BCP 47
 * @property {string} [dir]
 * @property {"light" | "dark"} theme what it comes to on this page
 * @property {string} [color] a hex colour
 * @property {string} title
 * @property {string} [greeting]
 * @property {{ label: string, prompt: string }[]} [prompts]
 * @property {string} [placeholder]
 * @property {boolean} [fullPage]
 * @property {string | ((how: { returnTo: string }) => unknown)} [signIn]
 * @property {import("../chat/signed.js").GetToken} [getToken]
 */

/**
 * @typedef {object} Shell
 * @property {HTMLElement} body to fill
 * @property {ShadowRoot} root
 * @property {string} origin of the chat
 * @property {() => Options} options as they are now
 * @property {() => object | null} context what goes with a message that is sent now
 * @property {(type: string, detail?: unknown) => void} emit tells the page
 * @property {() => void} close
 */

/** Return the address of the ChatKit server. @param {Shell} shell */
export const apiUrl = ({ options, origin }) => options().apiUrl || `${origin}/chatkit`;

/** Return it as its other addresses begin: whole, and without a slash at its end. @param {Shell} shell */
export function apiBase(shell) {
  const url = new URL(apiUrl(shell), document.baseURI);
  return `${url.origin}${url.pathname.replace(/\/$/, "")}`;
}
