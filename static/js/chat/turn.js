/** One turn, and its events, put to work in order: once for each frame, and not too much in any. */

/**
 * @typedef {object} TurnView what a turn changes
 * @property {(thread: any) => void} thread
 * @property {(item: any) => void} added
 * @property {(item: any) => void} done
 * @property {(itemId: string, update: any) => void} updated
 * @property {() => void} settle after the updates of a frame
 * @property {(itemId: string) => void} removed
 * @property {(text: string) => void} progress
 * @property {(event: any) => void} notice
 * @property {(event: any) => void} error
 * @property {(detail: { name: string, data?: object }) => void} effect
 * @property {(allowed: boolean) => void} allowCancel
 */

const DELTA = "assistant_message.content_part.text_delta";
/** Milliseconds and characters of one frame; what is left waits for the next. */
const WORK = 8;
const MOST = 16_000;
const SLICE = 2_000;

/**
 * Show every event of the stream; return when all is shown, throw what the stream throws.
 * @param {AsyncIterable<any>} events
 * @param {TurnView} view
 * @param {(show: () => void) => void} keepPlace runs what changes the page without moving the reader;
 *   when it does not, nobody looks any more
 */
export async function runTurn(events, view, keepPlace) {
  const frames = new Frames(view, keepPlace);
  let since = performance.now();
  try {
    for await (const event of events) {
      frames.add(event);
      if (document.hidden || performance.now() - since < WORK) continue;
      // A server may be faster than this page: frames need a gap between its events.
      await new Promise((go) => setTimeout(go));
      since = performance.now();
    }
  } finally {
    await frames.shown();
  }
}

/** Collects events and shows them together, once per frame; a hidden tab has no frames. */
class Frames {
  #view;
  #keepPlace;
  #waiting = [];
  #frame = 0;
  #timer = 0;
  #done = () => {};

  constructor(view, keepPlace) {
    this.#view = view;
    this.#keepPlace = keepPlace;
  }

  add(event) {
    const last = this.#waiting.at(-1);
    if (last && continues(last, event)) last.update.delta += event.update.delta;
    else if (this.#waiting.push(event) === 1) this.#plan();
  }

  /** Settles when nothing waits any more. */
  async shown() {
    if (this.#waiting.length) await new Promise((done) => (this.#done = done));
  }

  #plan() {
    this.#frame = requestAnimationFrame(() => this.#flush());
    this.#timer = setTimeout(() => this.#flush(), 200);
  }

  #flush() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    let looked = false;
    try {
      this.#keepPlace(() => {
        looked = true;
        this.#work();
      });
    } finally {
      if (!looked) this.#waiting = [];
      if (this.#waiting.length) this.#plan();
      else this.#done();
    }
  }

  #work() {
    const until = performance.now() + WORK;
    let room = MOST;
    do {
      const event = this.#next();
      room -= event.update?.delta?.length ?? 0;
      show(event, this.#view);
    } while (this.#waiting.length && (document.hidden || (room > 0 && performance.now() < until)));
    this.#view.settle();
  }

  /** Take the next event, or a part of it if it is long. */
  #next() {
    const [event] = this.#waiting;
    const { update } = event;
    if (update?.type !== DELTA || update.delta.length <= SLICE) return this.#waiting.shift();
    const delta = update.delta.slice(0, SLICE);
    update.delta = update.delta.slice(SLICE);
    return { ...event, update: { ...update, delta } };
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
    case "client_effect":
      return view.effect({ name: event.name, data: event.data });
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
  /** Whether it is not sent yet, as this page is still busy with what to send. */
  preparing = false;
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
    /** Whether this page asked for it, and does what it asks the page to do. */
    this.mine = Boolean(sent || again);
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
