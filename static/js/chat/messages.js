/**
 * What shows messages, sends them and reads the answers: a part of the element that is loaded once
 * there is something to show or somebody begins to write. See parts.js.
 */

import { Actions } from "./actions.js";
import { originOf } from "./addresses.js";
import { Conversation } from "./conversation.js";
import { adopt } from "./dom.js";
import { cardSheets } from "./items.js";
import { Loading } from "./loading.js";
import { renderMarkdown } from "./markdown.js";
import { messageStyles } from "./message-styles.js";
import "./message-words.js";
import { Outbox } from "./outbox.js";
import { Place } from "./place.js";
import { showStatus } from "./status.js";
import { Turns } from "./turns.js";

export { renderMarkdown };

/** Return the style sheets of all that is here. */
export const sheets = async () => (await Promise.all([cardSheets(), messageStyles()])).flat();

/**
 * Let a room have its messages, and take over those that the server rendered.
 * @param {import("./room.js").Room} room
 * @param {CSSStyleSheet[]} styles
 */
export function furnish(room, styles) {
  adopt(room.host.shadowRoot, styles);
  room.place = new Place(room.view);
  room.conversation = new Conversation(room.list, () => originOf(room.api().url));
  room.turns = new Turns(room);
  room.loading = new Loading(room);
  room.outbox = outboxOf(room);
  room.setStatus = (status, reason) => showStatus(room.view, status, reason);
  new Actions(room).listen(room.list);
  if (!room.rendered) return;
  room.conversation.adopt();
  room.loading.setEarlier(room.view.earlier.dataset.earlier ?? null);
}

/** Return what gives the outbox of whose drafts are kept now. */
function outboxOf({ draftOwner }) {
  let owner = draftOwner();
  let outbox = new Outbox(owner);
  return () => {
    if (owner !== draftOwner()) outbox = new Outbox((owner = draftOwner()));
    return outbox;
  };
}
