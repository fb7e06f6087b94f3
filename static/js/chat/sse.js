/** Server-sent events out of a body of bytes, as the HTML standard reads them. */

/**
 * Yield the data of each event. The stream may be cut anywhere, inside a character or between CR
 * and LF. An event that its blank line did not finish is dropped, as the standard says.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<string>}
 */
export async function* eventData(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Whoever stops reading early ends the request with it.
    reader.cancel().catch(() => {});
  }
}

/** Collects text until events are complete. */
export class EventParser {
  #line = "";
  #data = /** @type {string[]} */ ([]);
  #afterReturn = false;

  /**
   * Take more text; return the data of the events that it completes.
   * @param {string} text
   * @returns {string[]}
   */
  push(text) {
    const found = /** @type {string[]} */ ([]);
    if (!text) return found;
    // The second half of a line end that was cut in two.
    let start = Number(this.#afterReturn && text[0] === "\n");
    this.#afterReturn = text.endsWith("\r");
    for (const end of text.matchAll(/\r\n|\n|\r/g)) {
      if (end.index < start) continue;
      this.#endLine(this.#line + text.slice(start, end.index), found);
      this.#line = "";
      start = end.index + end[0].length;
    }
    this.#line += text.slice(start);
    return found;
  }

  /**
   * @param {string} line
   * @param {string[]} found
   */
  #endLine(line, found) {
    if (line === "") {
      if (this.#data.length) found.push(this.#data.join("\n"));
      this.#data = [];
    } else if (line.startsWith("data:")) {
      this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    } else if (line === "data") {
      this.#data.push("");
    }
  }
}
