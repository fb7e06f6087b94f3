// @ts-check
/** OpenAI's script, which defines `<openai-chatkit>`: fetched once, and once more after a failure. */

export const CDN = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js";

const NAME = "openai-chatkit";
const LIMIT = 20_000;

let coming = /** @type {Promise<void> | null} */ (null);

/**
 * Wait until the element is defined; reject if that fails, or takes longer than 20 s.
 * @param {string} address
 */
export async function official(address) {
  if (customElements.get(NAME)) return;
  coming ??= fetched(address);
  try {
    await coming;
  } catch (error) {
    coming = null;
    throw error;
  }
}

/** @param {string} address */
async function fetched(address) {
  const script = document.createElement("script");
  const failed = new Promise((_done, reject) => {
    script.addEventListener("error", () => reject(new Error(`${address} could not be loaded`)));
    setTimeout(() => reject(new Error(`${address} did not define <${NAME}> within ${LIMIT} ms`)), LIMIT);
  });
  script.src = address;
  script.async = true;
  document.head.append(script);
  try {
    await Promise.race([failed, customElements.whenDefined(NAME)]);
  } catch (error) {
    // The same element would not be fetched again.
    script.remove();
    throw error;
  }
}
