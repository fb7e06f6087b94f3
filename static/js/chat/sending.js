/** A message, as a request. */

import { contextMetadata } from "./context.js";

/**
 * Return the request that sends a message. The same words that were not confirmed yet are the same
 * request: their key is good for the very same body only.
 * @param {any} room what the element lends
 * @param {{ text: string, quote: string, toolChoice?: object, model?: string }} message
 */
export function messageRequest(room, { text, quote, toolChoice, model }) {
  const { conversation, draftOwner, loading, outbox, pageContext, threadId } = room;
  const thread = threadId();
  const { key, metadata, chosen } = outbox().keep(thread, text, quote, () => ({
    metadata: contextMetadata(pageContext(), { owner: draftOwner(), threadId: thread }),
    chosen: { tool_choice: toolChoice, model },
    // Of a thread that was not read yet nobody knows.
    after: loading.unread ? undefined : conversation.lastQuestion,
  }));
  const input = {
    content: [{ type: "input_text", text }],
    attachments: [],
    quoted_text: quote || null,
    inference_options: chosen,
  };
  if (thread === null) return { type: "threads.create", params: { input }, key, metadata };
  return { type: "threads.add_user_message", params: { input, thread_id: thread }, key, metadata };
}
