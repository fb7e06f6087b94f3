/**
 * Turns: what is sent, the answer that streams in, and what happens when one fails. An answer
 * belongs to the server: whoever leaves or loses it joins it again.
 */

import { passing, Patience } from "./coming-back.js";
import { newKey } from "./outbox.js";
import { fault, Fault } from "./protocol.js";
import { remediesFor } from "./remedies.js";
import { messageRequest } from "./sending.js";
import { showing } from "./showing.js";
import { join, stop, stream } from "./streams.js";
import { useTool } from "./tools.js";
import { runTurn, Turn } from "./turn.js";
import { errorWords, word } from "./words.js";

const SPOKEN = 1500;
const STOP_PATIENCE = 3000;

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

  /** Forget the answer that is being written: another thread is shown from now on. */
  leave() {
    const left = this.#current;
    this.#current = null;
    this.#room.composer.busy = false;
    left?.close();
  }

  /**
   * Send a message into the open thread, or into a new one; settles when the answer is complete.
   * While another is being written, it waits in the composer.
   * @param {{ text: string, quote: string, toolChoice?: object, model?: string }} message
   */
  async send(message) {
    const { text, quote } = message;
    const { api, composer, conversation, place, keepDraft, threadId } = this.#room;
    if (this.busy) return this.#room.putBack(message);
    const turn = new Turn({ text, quote, thread: threadId() });
    const { type, params, key, metadata } = messageRequest(this.#room, message);
    composer.taken(text, quote);
    keepDraft(turn.sent);
    conversation.addSending(text, quote);
    place.toEnd();
    await this.#run(turn, () => stream(api(), type, params, { signal: turn.signal, key, metadata }));
  }

  /**
   * Send what is no message, and show what follows.
   * @param {string} type
   * @param {(signal: AbortSignal) => Promise<object> | object} params may take their time
   * @param {() => void} [taken] when the server has it
   */
  async go(type, params, taken, key = newKey()) {
    const { api, threadId } = this.#room;
    if (this.busy) return;
    const turn = new Turn(null, () => this.go(type, params, taken, key));
    turn.preparing = true;
    await this.#run(turn, async () => {
      const all = { thread_id: threadId(), ...(await params(turn.signal)) };
      turn.preparing = false;
      return stream(api(), type, all, { signal: turn.signal, key }).then((events) => (taken?.(), events));
    });
  }

  /** Ask for another answer to the last message; with the key of before if that never arrived. */
  async retry(key = newKey()) {
    const { api, conversation, threadId } = this.#room;
    const question = conversation.lastQuestion;
    if (question === null || this.busy) return;
    const turn = new Turn(null, () => this.retry(key));
    const params = { thread_id: threadId(), item_id: question };
    conversation.hideAfter(question);
    await this.#run(turn, () => stream(api(), "threads.retry_after_item", params, { signal: turn.signal, key }));
  }

  /** Go on with the answer that is known to be written in the open thread. */
  async join({ keepFaults = false } = {}) {
    if (this.busy) return;
    const turn = new Turn(null);
    turn.begun = true;
    await this.#run(turn, () => this.#joined(turn), keepFaults);
  }

  /** Look whether an answer is being written in the open thread; only if so, show it. */
  async lookFor() {
    const { api, conversation, threadId, reload } = this.#room;
    const thread = threadId();
    const turn = new Turn(null);
    turn.begun = true;
    const events = thread === null || this.busy ? null : await join(api(), thread, turn.signal).catch(() => null);
    if (thread !== threadId() || this.busy) turn.close();
    else if (events) await this.#run(turn, async () => events);
    // It may have ended between reading the thread and looking.
    else if (conversation.unanswered) await reload();
  }

  /** Stop the answer; what was written so far stays. The server ends the stream. */
  stop() {
    const turn = this.#current;
    if (!turn || turn.stopping) return;
    const { composer, view } = this.#room;
    turn.stopping = true;
    composer.mayStop = false;
    view.status.textContent = word("turn.stopping");
    turn.timer = setTimeout(() => this.#cutOff(turn), STOP_PATIENCE);
    // The server writes nothing yet.
    if (turn.preparing) this.#cutOff(turn, true);
    else this.#askToStop(turn);
  }

  async #askToStop(turn) {
    const { api, threadId } = this.#room;
    // A thread that is just being made gets its id with the first event.
    if (threadId() === null || turn.asked) return;
    turn.asked = true;
    const heard = await stop(api(), threadId()).catch(() => null);
    if (heard === null) turn.asked = false;
    turn.toldToStop = heard !== null;
    // A server that knows nothing of this takes a closed connection for it.
    if (heard === false) this.#cutOff(turn);
  }

  #cutOff(turn, stopped = turn.toldToStop) {
    if (turn !== this.#current) return;
    if (stopped) turn.mark = { outcome: "stopped" };
    else this.#fail(fault("not_stopped"), turn);
    turn.close();
  }

  async #run(turn, open, keepFaults = false) {
    this.#begin(turn, keepFaults);
    try {
      await this.#toTheEnd(turn, open);
    } catch (error) {
      if (turn === this.#current && !turn.signal.aborted) this.#fail(error, turn);
    }
    // Which of the two answers stayed is for the server to say.
    if (turn === this.#current && turn.again && turn.begun && (turn.failed || turn.mark)) {
      await this.#room.reload({ quiet: true, inTurn: true });
    }
    const goesOn = turn === this.#current && turn.mine && !turn.failed && !turn.mark;
    if (turn === this.#current) this.#end(turn);
    turn.close();
    this.#room.emit("chatkit.response.end");
    if (goesOn) await useTool(this.#room, this);
    // Somebody else's answer is being written: that is what there is to see.
    if (turn.refused && !this.busy) await this.join({ keepFaults: true });
  }

  /** Show the turn to its end; when the connection breaks, join it again. */
  async #toTheEnd(turn, open) {
    const patience = new Patience();
    const { place } = this.#room;
    for (;;) {
      try {
        const events = await open();
        if (turn !== this.#current) return turn.close();
        if (events === null) return await this.#catchUp(turn);
        turn.begun = true;
        patience.opened();
        if (place.waits) place.wait(turn.open.size ? null : "");
        await runTurn(events, this.#show(turn), (change) => turn === this.#current && place.keep(change));
        if (turn.complete) return;
        if (turn.sent) throw fault("broken_off");
      } catch (error) {
        if (turn.sent || !turn.begun || !passing(error)) throw error;
      }
      place.keep(() => place.wait(word("turn.back")));
      if (!(await patience.pause(turn.signal))) throw fault("lost");
      open = () => this.#joined(turn);
    }
  }

  #joined(turn) {
    const { api, threadId } = this.#room;
    return join(api(), threadId(), turn.signal);
  }

  /** The turn ended while nobody was listening: what it left is in the thread. */
  async #catchUp(turn) {
    turn.open.clear();
    await this.#room.reload({ inTurn: true });
  }

  #begin(turn, keepFaults) {
    const { place, view, composer, conversation, begun, emit } = this.#room;
    this.#current = turn;
    begun();
    if (!keepFaults) view.faults.replaceChildren();
    conversation.offerRetry(null);
    place.keep(() => place.wait(""));
    view.status.textContent = word("turn.answering");
    composer.busy = true;
    emit("chatkit.response.start");
  }

  #end(turn) {
    const { place, view, composer, conversation, ended, loading, reload, tellTurn } = this.#room;
    this.#current = null;
    composer.busy = false;
    if (turn.sent) this.#giveBack(turn.sent);
    place.keep(() => {
      place.wait(null);
      conversation.endTurn(turn.open);
      conversation.bringBack(turn.answered && !turn.failed && !turn.mark);
      if (turn.mark && !turn.sent) conversation.mark(turn.mark);
      conversation.offerRetry(() => this.retry());
    });
    const answer = turn.failed ? "" : conversation.lastAnswer.slice(0, SPOKEN);
    view.status.textContent = turn.mark?.words ?? (turn.mark ? word(`outcome.${turn.mark.outcome}`) : answer);
    ended();
    tellTurn(false);
    // What could not be read before it was sent.
    if (loading.unread && !turn.failed) reload();
  }

  #show(turn) {
    return showing(this.#room, turn, {
      confirm: () => this.#confirm(turn),
      broke: (event) => this.#broke(event, turn),
      askToStop: () => this.#askToStop(turn),
    });
  }

  /** The server has what was sent: it need not be kept here any more. */
  #confirm(turn) {
    if (!turn.sent) return;
    this.#room.outbox().confirm(turn.sent.thread);
    turn.sent = null;
    this.#room.keepDraft(null);
  }

  /** The answer ended in an error. It is told under what there is of the answer, if that is new. */
  #broke({ code: kind, error_code: code = kind, message, allow_retry: allowRetry = false }, turn) {
    const error = new Fault(code, errorWords(code, message) || word("turn.failed"), { allowRetry });
    if (turn.sent || turn.again) return this.#fail(error, turn);
    turn.failed = true;
    turn.mark = { outcome: "failed", words: error.message, final: !allowRetry };
    return this.#room.emit("chatkit.error", { error });
  }

  /** What the server never took goes back to where it was written. */
  #giveBack(sent) {
    const { composer, conversation, host, keepDraft, putBack } = this.#room;
    conversation.removeSending();
    keepDraft(null);
    putBack(sent);
    // Whoever went on elsewhere stays there.
    if (host.matches(":focus-within") || document.activeElement === document.body) composer.focus();
  }

  #fail(error, turn) {
    turn.failed = true;
    turn.refused = error.code === "turn_running";
    if (turn.sent) this.#room.outbox().refused(turn.sent.thread, error.status);
    this.#room.fail(error, remediesFor(error, turn, this, this.#room.composer));
  }
}
