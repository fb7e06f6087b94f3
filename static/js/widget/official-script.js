// @ts-check
/** OpenAI's script, which defines `<openai-chatkit>`: fetched once, and once more after a failure. */

const CDN = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js";

const NAME = "openai-chatkit";
const LIMIT = 20_000;

let coming = /** @type {Promise<void> | null} */ (null);

/**
 * Wait until the element is defined; reject if that fails, or takes longer than 20 s.
 */
export async function official() {
  if (customElements.get(NAME)) return;
  coming ??= fetched();
  try {
    await coming;
  } catch (error) {
    coming = null;
    throw error;
  }
}

async function fetched() {
  const script = document.createElement("script");
  script.src = allowed();
  script.async = true;
  const failed = new Promise((_done, reject) => {
    script.addEventListener("error", () => reject(new Error(`${CDN} could not be loaded`)));
    setTimeout(() => reject(new Error(`${CDN} did not define <${NAME}> within ${LIMIT} ms`)), LIMIT);
  });
  document.head.append(script);
  try {
    await Promise.race([failed, customElements.whenDefined(NAME)]);
  } catch (error) {
    // The same element would not be fetched again.
    script.remove();
    throw error;
  }
}

let policy = /** @type {{ createScriptURL: (address: string) => string } | null | undefined} */ (undefined);

/**
 * Return the address, vouched for where a page wants that of what becomes a script (Trusted Types).
 * A page may forbid our policy; then its own default one judges the address.
 */
function allowed() {
  const { trustedTypes } = /** @type {any} */ (window);
  try {
    policy ??= trustedTypes?.createPolicy("threadkeeper", { createScriptURL: () => CDN });
  } catch {
    policy = null;
  }
  return policy?.createScriptURL(CDN) ?? CDN;
}
