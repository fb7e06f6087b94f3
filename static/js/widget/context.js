/** What the site says about its page. The element keeps it in bounds. */

import { options } from "./options.js";

let data = /** @type {unknown} */ (null);

/** @param {unknown} given Goes with the messages to come; null ends that */
export function setContext(given) {
  data = given;
}

/** Return what goes with a message that is sent now; address and title only if the site said so. */
export function context() {
  const page = options().pageContext && { url: location.href.split("#")[0], title: document.title };
  return page || data != null ? { ...page, data } : null;
}
