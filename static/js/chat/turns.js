/** Turns: what is sent, the answer that streams in, and what happens when one fails. */

import { Fault, stream } from "./protocol.js";
import { runTurn } from "./turn.js";

const SPOKEN = 1500;
const FAILED = "The answer could not be completed.";

/** Sends messages, one at a time, and shows what comes back. */
export class Turns {
  #room;
  #current = /** @type {Turn | null} */ (null);

  /** @param {any} room what the element lends: its parts, and what to tell it */
  constructor(room) {
    this.#room = room;
  }

  /** Whether an answer is being written. */
  get busy() {
    return this.#current !== null;
  }

  /** Stop the answer; what was written so far stays. */
  stop() {
    this.#current?.abort.abort();
  }

  /** Forget the answer that is being written: another thread is shown from now on. */
  leave() {
    const left = this.#current;
    this.#current = null;
    this.#room.composer.busy = false;
    left?.abort.abort();
  }

  /**
   * Send a message into the open thread, or into a new one; settles when the answer is complete.
   * @param {string} text
   * @param {string} [quote]
   */
  async send(text, quote) {
    if (this.busy) return;
    const { composer, conversation, view, keepDraft, threadId } = this.#room;
    const input = {
      content: [{ type: "input_text", text }],
      attachments: [],
      quoted_text: quote ?? null,
      inference_options: {},
    };
    const thread = threadId();
    // Kept until the server says that it has the message.
    keepDraft(text);
    composer.text = "";
    conversation.addSending(text, quote);
    view.toEnd();
    if (thread === null) await this.#run("threads.create", { input }, { text, quote });
    else await this.#run("threads.add_user_message", { input, thread_id: thread }, { text, quote });
  }

  /** Ask for another answer to the last message. */
  async retry() {
    const { conversation, threadId } = this.#room;
    const question = conversation.lastQuestion;
    if (question === null || this.busy) return;
    conversation.removeAfter(question);
    await this.#run("threads.retry_after_item", { thread_id: threadId(), item_id: question }, null);
  }

  async #run(type, params, sent) {
    const { api, view, emit } = this.#room;
    const turn = new Turn(sent);
    this.#begin(turn);
    try {
      const events = stream(api(), type, params, turn.abort.signal);
      await runTurn(events, this.#show(turn), (change) => turn === this.#current && view.keepPlace(change));
    } catch (error) {
      if (turn === this.#current && !turn.stopped) this.#fail(error, turn);
    }
    if (turn === this.#current) this.#end(turn);
    emit("chatkit.response.end");
  }

  #begin(turn) {
    const { view, composer, begun, emit } = this.#room;
    this.#current = turn;
    begun();
    view.faults.replaceChildren();
    view.wait("");
    view.status.textContent = "The assistant is answering.";
    composer.busy = true;
    emit("chatkit.response.start");
  }

  #end(turn) {
    const { view, composer, conversation, ended } = this.#room;
    this.#current = null;
    composer.busy = false;
    if (turn.sent) this.#giveBack(turn.sent);
    view.keepPlace(() => {
      view.wait(null);
      conversation.endTurn({ stopped: turn.stopped && !turn.sent });
    });
    const answer = turn.failed ? "" : conversation.lastAnswer.slice(0, SPOKEN);
    view.status.textContent = turn.stopped ? "Stopped." : answer;
    ended();
  }

  /** @param {Turn} turn @returns {import("./turn.js").TurnView} */
  #show(turn) {
    const { view, conversation, composer, keepDraft, meet, tell } = this.#room;
    const taken = (item) => {
      if (item.type !== "user_message") return view.wait(null);
      turn.sent = null;
      keepDraft(composer.text);
    };
    return {
      thread: meet,
      added: (item) => (item.type === "user_message" && taken(item), conversation.put(item)),
      done: (item) => (taken(item), conversation.finish(item)),
      updated: (itemId, update) => (view.wait(null), conversation.update(itemId, update)),
      removed: (itemId) => conversation.remove(itemId),
      progress: (text) => view.wait(text),
      notice: ({ message, title, level }) => tell(message, { level, title, markdown: true }),
      error: ({ code, message, allow_retry: allowRetry }) =>
        this.#fail(new Fault(code, message || FAILED, { allowRetry }), turn),
      allowCancel: (allowed) => (composer.mayStop = allowed),
    };
  }

  /** What the server never took goes back to where it was written. */
  #giveBack({ text }) {
    const { composer, conversation, keepDraft } = this.#room;
    conversation.removeSending();
    composer.text = composer.text.trim() ? `${text}\n\n${composer.text}` : text;
    keepDraft(composer.text);
    composer.focus();
  }

  #fail(error, turn) {
    turn.failed = true;
    this.#room.fail(error, this.#remedies(error, turn));
  }

  /** @param {any} error @param {Turn} turn */
  #remedies(error, { sent }) {
    const { composer, reload } = this.#room;
    if (sent) {
      const again = () => this.send(composer.text, sent.quote);
      return error.allowRetry ? [{ label: "Try again", run: again }] : [];
    }
    // The server may have gone on writing: asking again would throw that away.
    if (error.code === "broken_off") return [{ label: "Show what was saved", run: reload }];
    return error.allowRetry ? [{ label: "Try again", run: () => this.retry() }] : [];
  }
}

/** One turn; `sent` is what the person wrote, until the server has it. */
class Turn {
  failed = false;
  abort = new AbortController();

  /** @param {{ text: string, quote?: string } | null} sent */
  constructor(sent) {
    this.sent = sent;
  }

  get stopped() {
    return this.abort.signal.aborted;
  }
}
