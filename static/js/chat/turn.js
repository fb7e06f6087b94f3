/** One turn, and its events, put to work in order and at most once for each frame. */

/**
 * @typedef {object} TurnView what a turn changes
 * @property {(thread: any) => void} thread
 * @property {(item: any) => void} added
 * @property {(item: any) => void} done
 * @property {(itemId: string, update: any) => void} updated
 * @property {(itemId: string) => void} removed
 * @property {(text: string) => void} progress
 * @property {(event: any) => void} notice
 * @property {(event: any) => void} error
 * @property {(allowed: boolean) => void} allowCancel
 */

const DELTA = "assistant_message.content_part.text_delta";

/**
 * Show every event of the stream; return when it ends, throw what it throws.
 * @param {AsyncIterable<any>} events
 * @param {TurnView} view
 * @param {(show: () => void) => void} keepPlace runs what changes the page without moving the reader
 */
export async function runTurn(events, view, keepPlace) {
  const frames = new Frames((waiting) => keepPlace(() => waiting.forEach((event) => show(event, view))));
  try {
    for await (const event of events) frames.add(event);
  } finally {
    frames.flush();
  }
}

/** Collects events and hands them on together, once per frame; a hidden tab has no frames. */
class Frames {
  #waiting = [];
  #hand;
  #frame = 0;
  #timer = 0;

  constructor(hand) {
    this.#hand = hand;
  }

  add(event) {
    const last = this.#waiting.at(-1);
    if (last && continues(last, event)) {
      last.update.delta += event.update.delta;
      return;
    }
    this.#waiting.push(event);
    if (this.#waiting.length > 1) return;
    this.#frame = requestAnimationFrame(() => this.flush());
    this.#timer = setTimeout(() => this.flush(), 200);
  }

  flush() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length) this.#hand(waiting);
  }
}

function continues(last, event) {
  return (
    event.type === "thread.item.updated" &&
    event.update?.type === DELTA &&
    last.update?.type === DELTA &&
    last.item_id === event.item_id &&
    last.update.content_index === event.update.content_index
  );
}

/** @param {any} event @param {TurnView} view */
function show(event, view) {
  switch (event.type) {
    case "thread.created":
    case "thread.updated":
      return view.thread(event.thread);
    case "thread.item.added":
      return view.added(event.item);
    case "thread.item.replaced":
    case "thread.item.done":
      return view.done(event.item);
    case "thread.item.updated":
      return view.updated(event.item_id, event.update);
    case "thread.item.removed":
      return view.removed(event.item_id);
    case "progress_update":
      return view.progress(event.text);
    case "notice":
      return view.notice(event);
    case "error":
      return view.error(event);
    case "stream_options":
      return view.allowCancel(event.stream_options.allow_cancel);
    default:
      return console.info("threadkeeper-chat: ignored an event of type %s", event.type);
  }
}

/** One turn; `sent` is what the person wrote, until the server has it. */
export class Turn {
  /** Whether the server has begun it, as far as we know. */
  begun = false;
  /** Whether any item of it was seen, and whether one that answers is complete. */
  seen = false;
  answered = false;
  failed = false;
  /** Whether another turn was running already. */
  refused = false;
  stopping = false;
  /** Whether the server was asked to stop it, and whether it heard. */
  asked = false;
  toldToStop = false;
  timer = 0;
  /** The ids of items that were begun and are not finished. */
  open = /** @type {Set<string>} */ (new Set());
  /** What is said under its last message in the end. */
  mark = /** @type {any} */ (null);
  #abort = new AbortController();

  /**
   * @param {{ text: string, quote?: string, thread: string | null } | null} sent
   * @param {(() => void) | null} [again] for an answer that replaces another
   */
  constructor(sent, again = null) {
    this.sent = sent;
    this.again = again;
  }

  get signal() {
    return this.#abort.signal;
  }

  /** Whether its stream came to an end of its own, and did not break off. */
  get complete() {
    return this.failed || this.mark !== null || (this.answered && this.open.size === 0);
  }

  /** Read no further. Our server goes on writing. */
  close() {
    clearTimeout(this.timer);
    this.#abort.abort();
  }
}
