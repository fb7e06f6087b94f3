/** What the assistant asks the page to do: the site does it, and the answer goes on with the result. */

import { Fault } from "./protocol.js";
import { word } from "./words.js";

/**
 * Do what the conversation ends on, if that waits for this page. Only the page that asked does it:
 * others that read along, or come later, see that it waits.
 * @param {any} room what the element lends
 * @param {import("./turns.js").Turns} turns
 */
export async function useTool({ clientTool, conversation, fail }, turns) {
  const call = conversation.waitingCall;
  if (!call) return;
  const tool = clientTool();
  if (!tool) return fail(new Fault("tool_unknown", word("tool.unknown", { name: call.name })), []);
  // What was done once is not done again when its result has to be sent again.
  let done;
  const params = async (signal) => (done ??= { result: await resultOf(tool, call, signal) });
  // The protocol says nothing of the call itself any more.
  const taken = () => conversation.put({ ...call, status: "completed", output: done.result });
  await turns.go("threads.add_client_tool_output", params, taken);
}

async function resultOf(tool, { name, arguments: params }, signal) {
  const stopped = new Promise((_, refuse) => signal.addEventListener("abort", () => refuse(signal.reason)));
  // Asynchronous, so that one that throws at once is heard beside the other too.
  const called = async () => tool({ name, params });
  try {
    return (await Promise.race([called(), stopped])) ?? null;
  } catch (error) {
    if (signal.aborted) throw error;
    console.error("threadkeeper-chat: onClientTool failed:", error);
    throw new Fault("tool_failed", word("tool.failed", { name }), { allowRetry: true });
  }
}
