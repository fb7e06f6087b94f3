/**
 * Our element has the surface of OpenAI's, so that a site can switch from one to the other and back.
 * Nothing of this runs: the TypeScript compiler reads it, see tests/house/test_types.py.
 */

import type { OpenAIChatKit } from "@openai/chatkit";
import type { ThreadkeeperChat } from "../../static/js/chat/element.js";

type Methods = Exclude<keyof OpenAIChatKit, keyof HTMLElement>;

/** Every method of theirs is one of ours, by name. */
const same: { [name in Methods]: (...given: never[]) => unknown } = {} as ThreadkeeperChat;

/** Ours take what a page gives to theirs. */
declare const ours: ThreadkeeperChat;
declare const theirs: OpenAIChatKit;
ours.setOptions(null as unknown as Parameters<typeof theirs.setOptions>[0]);
ours.setThreadId(null satisfies Parameters<typeof theirs.setThreadId>[0]);
ours.sendUserMessage({ text: "", reply: "", newThread: true } satisfies Parameters<typeof theirs.sendUserMessage>[0]);
ours.sendCustomAction({ type: "", payload: {} } satisfies Parameters<typeof theirs.sendCustomAction>[0], "");
ours.setComposerValue({ text: "", reply: "" } satisfies Parameters<typeof theirs.setComposerValue>[0]);

export { same };
