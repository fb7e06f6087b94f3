/** What each event of a running answer shows. */

import { renderMarkdown } from "./markdown.js";
import { STOPPED } from "./outcomes.js";
import { told } from "./told.js";

/**
 * Return what shows the events of a turn.
 * @param {any} room what the element lends: its parts, and what to tell it
 * @param {import("./turn.js").Turn} turn
 * @param {{ confirm: () => void, broke: (event: any) => void, askToStop: () => void }} calls `confirm`:
 *   the server has what was sent; `broke`: the answer ended in an error
 * @returns {import("./turn.js").TurnView}
 */
export function showing(room, turn, { confirm, broke, askToStop }) {
  const { place, conversation, composer, draftOwner, emit, meet, tell, tellTurn, threadId } = room;
  const taken = (item) => {
    if (!turn.seen) tellTurn(true, turn.sent !== null);
    turn.seen = true;
    if (item.type === "user_message") confirm();
    else place.wait(null);
  };
  return {
    thread: (thread) => (threadId() ?? told.move(draftOwner(), thread.id), meet(thread), turn.stopping && askToStop()),
    added: (item) => {
      taken(item);
      turn.open.add(item.id);
      conversation.begin(item);
    },
    done: (item) => {
      taken(item);
      turn.open.delete(item.id);
      turn.answered ||= item.type !== "user_message";
      conversation.finish(item);
    },
    updated: (itemId, update) => (place.wait(null), conversation.update(itemId, update)),
    settle: () => conversation.settle(),
    removed: (itemId) => (turn.open.delete(itemId), conversation.remove(itemId)),
    progress: (text) => place.wait(text),
    notice: ({ message, title, level }) => {
      if (message === STOPPED) turn.mark = { outcome: "stopped" };
      else tell(message, { level, title, render: renderMarkdown });
    },
    error: broke,
    effect: (detail) => emit("chatkit.effect", detail),
    allowCancel: (allowed) => (composer.mayStop = allowed && !turn.stopping),
  };
}
