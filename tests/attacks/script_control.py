"""The wire itself: the same payloads on a careless page, and behind our policy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markdown_it import MarkdownIt

from tests.attacks.payloads import Payload
from tests.attacks.script_stage import Victim

# What a careless page does with somebody's words.
PLACES: Final = (
    "{}",
    '<input autofocus value="{}">',
    "<input autofocus value='{}'>",
    "<input autofocus value={}>",
    "<p>&lt;</p><title>{}</title>",
    "<textarea>{}</textarea>",
    "<style>{}</style>",
    "<script>var x = '{}'</script>",
    '<script>var x = "{}"</script>',
    "<script>var x = `{}`</script>",
    '<script type="application/json">{}</script>',
    '<a href="{}">a</a>',
    "<iframe src='about:blank' title='{}'></iframe>",
    "<!--{}-->",
    "<select><option>{}</select>",
    "<template>{}</template>",
)
# Each place is a document of its own, in which everything is touched once.
PLAY: Final = """async (documents) => {
  const rounds = [];
  for (const words of documents) {
    const frame = document.createElement("iframe");
    frame.srcdoc = words;
    const loaded = new Promise((done) => frame.addEventListener("load", done, { once: true }));
    document.body.append(frame);
    rounds.push(Promise.race([loaded, new Promise((done) => setTimeout(done, 2000))]).then(() => {
      for (const one of frame.contentDocument?.querySelectorAll("*") ?? []) {
        for (const kind of ["mouseover", "pointerenter", "focus", "click"]) {
          if (one.closest("form") && kind === "click") continue;
          one.dispatchEvent(new MouseEvent(kind, { bubbles: true, cancelable: true }));
        }
      }
    }));
  }
  await Promise.all(rounds);
  await new Promise((done) => setTimeout(done, 300));
  for (const frame of document.querySelectorAll("iframe")) frame.remove();
}"""


def documents_of(payload: Payload) -> list[str]:
    """Return what a careless server makes of a payload: raw in each place, and as Markdown."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.validateLink = _any  # type: ignore[method-assign]
    return [*(place.replace("{}", payload.text) for place in PLACES), parser.render(payload.text)]


def _any(url: str) -> bool:
    return bool(url) or True


def played(victim: Victim, address: str, payloads: Sequence[Payload]) -> set[int]:
    """Play each payload on this page; return the numbers of those that pulled the wire."""
    fired = set()
    for payload in payloads:
        wire = victim.wire
        before = len(wire.executions) + len(wire.elsewhere) + len(wire.dialogs)
        victim.page.goto(address)
        victim.page.evaluate(PLAY, documents_of(payload))
        if len(wire.executions) + len(wire.elsewhere) + len(wire.dialogs) > before:
            fired.add(payload.number)
    return fired


def policy_of(victim: Victim) -> str:
    """Return the policy that our pages have."""
    victim.open("/history")
    found: str = victim.page.evaluate(POLICY)
    return found


POLICY: Final = """async () => {
  const answer = await fetch("/history");
  return answer.headers.get("content-security-policy");
}"""
