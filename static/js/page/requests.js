/** Sending a form's words without leaving the page, and what is said when that fails. */

const UNREACHABLE = "The server can’t be reached. Please try again.";
const FAILED = "That did not work. Please try again.";

/**
 * Post a form as htmx does. The answer is news of what changed, or words that say why not.
 * @param {string} address
 * @param {Record<string, string> | FormData} values
 * @returns {Promise<{ ok: boolean, status: number, news: object, words: string }>}
 */
export async function send(address, values) {
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "HX-Request": "true" },
      body: new URLSearchParams(values),
    });
    const news = JSON.parse(response.headers.get("HX-Trigger") ?? "{}")["threads-changed"] ?? {};
    const words = response.ok ? "" : wordsIn(await response.text(), response.status);
    return { ok: response.ok, status: response.status, news, words };
  } catch {
    return { ok: false, status: 0, news: {}, words: UNREACHABLE };
  }
}

/** Tell the page, as htmx does after a form of its own. */
export function tellChange(news) {
  document.dispatchEvent(new CustomEvent("threads-changed", { detail: news }));
}

/**
 * Return the sentence for an answer of htmx that is none.
 * @param {{ xhr: XMLHttpRequest }} detail of htmx's event
 */
export const wordsOf = ({ xhr }) => wordsIn(xhr.responseText, xhr.status);

/** Our own sentence, if the answer is ours; a proxy's page is not. */
function wordsIn(text, status) {
  try {
    return JSON.parse(text).error.message;
  } catch {
    return status ? FAILED : UNREACHABLE;
  }
}
