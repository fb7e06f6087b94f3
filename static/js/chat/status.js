/** Why a conversation takes no messages; templates/history/_conversation.html says the same. */

const SENTENCES = {
  locked: "This conversation is locked. It takes no messages at the moment.",
  closed: "This conversation is closed. It takes no more messages.",
};

/**
 * Return the sentence for a thread's status, or null when one can write in it.
 * @param {string | null | undefined} status
 * @param {string | null | undefined} reason what its owner or the site gave as the reason
 */
export function closedWords(status, reason) {
  const sentence = Object.hasOwn(SENTENCES, status ?? "") ? SENTENCES[status] : null;
  return sentence && reason ? `${sentence} ${reason}` : sentence;
}
