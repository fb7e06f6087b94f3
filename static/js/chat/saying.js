/** Saying something to people who listen to the page. */

/** Words that stand there already are not said again: they go for a moment. */
const PAUSE = 50;

/**
 * Return how to say something through a live region.
 * @param {HTMLElement} status
 * @returns {(words: string) => void}
 */
export function announcer(status) {
  let timer = 0;
  return (words) => {
    status.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(() => (status.textContent = words), PAUSE);
  };
}
