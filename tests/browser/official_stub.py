"""A stub in the place of OpenAI's element, which needs its own site. What the stub may be asked is
checked against the types of its package by tests/house/test_types.py."""

from __future__ import annotations

from typing import Final

CDN: Final = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"

# It keeps what it is told, and is ready a moment after its options came, as the real one. `say`
# does what the real one does with `api.fetch`: it posts, reads the stream, and aborts on Stop.
ELEMENT: Final = """
    window.calls = [];
    const note = (name) => async (given) => void window.calls.push([name, given ?? null]);
    customElements.define("openai-chatkit", class extends HTMLElement {
        sendUserMessage = note("sendUserMessage");
        setComposerValue = note("setComposerValue");
        setThreadId = note("setThreadId");
        focusComposer = note("focusComposer");
        fetchUpdates = note("fetchUpdates");
        setOptions(options) {
            window.given = options;
            window.api = options.api.fetch;
            if (!this.told) setTimeout(() => this.tell("chatkit.ready"));
            this.told = true;
        }
        tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
    });
    window.say = async (text, threadId) => {
        window.abort = new AbortController();
        window.events = [];
        const content = [{ type: "input_text", text }];
        const input = { content, attachments: [], inference_options: {} };
        const type = threadId ? "threads.add_user_message" : "threads.create";
        const params = threadId ? { thread_id: threadId, input } : { input };
        const headers = { "Content-Type": "application/json" };
        const body = JSON.stringify({ type, params });
        const { url, fetch } = window.given.api;
        const signal = window.abort.signal;
        const response = await fetch(url, { method: "POST", headers, body, signal });
        if (!response.ok) return response.status;
        let received = "";
        for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
            received += piece;
            window.events = received.split("\\n\\n").slice(0, -1)
                .map((line) => JSON.parse(line.slice(6)));
        }
        return window.events[0].thread?.id ?? threadId;
    };
"""
