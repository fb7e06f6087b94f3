"""A wire in every page of a browser window: whatever runs, leaves or is asked for, pulls it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Frame,
    Page,
    Request,
    Route,
)

CANARY: Final = "canary.test"
MARK: Final = re.compile(r"zq\d{3}")

# Runs before anything of a page does, in every frame.
WATCH: Final = """
addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sourceFile }) => {
  violated(`${effectiveDirective} ${blockedURI} ${sourceFile ?? ""}`);
}, true);
"""

# Everything that a page holds, in templates and open shadow roots too: what could act is `bad`.
LOOK: Final = """(own) => {
  const bad = [], words = [document.title];
  const never = new Set(["iframe", "frame", "object", "embed", "base", "applet", "style", "math",
    "foreignobject", "animate", "set", "audio", "video", "source", "plaintext", "xss", "marquee"]);
  const headOnly = new Set(["meta", "link", "title"]);
  const addresses = new Set(["href", "src", "action", "formaction", "xlink:href", "data", "poster",
    "background", "ping", "srcset", "cite", "hx-get", "hx-post"]);
  const naming = new Set(["id", "name", "class", "form", "for", "is", "slot", "part", "style"]);
  const picture = /^data:image\\/(?:png|jpeg|webp|gif);base64,/;
  const planted = /zq|tripped|clobbered|polluted|canary/;
  const wrong = (one, why) => bad.push(`${why}: ${one.outerHTML.slice(0, 200)}`);
  const judge = (one, name, value) => {
    if (name.startsWith("on") || name === "srcdoc") wrong(one, name);
    if (name.startsWith("hx-on") || naming.has(name) && planted.test(value)) wrong(one, name);
    if (!addresses.has(name)) return;
    if (name === "src" && one.localName === "img" && picture.test(value)) return;
    let url;
    try { url = new URL(value, location.href) } catch { return wrong(one, "address") }
    const link = one.localName === "a" && name === "href";
    const schemes = link ? ["http:", "https:", "mailto:"] : ["http:", "https:"];
    if (!schemes.includes(url.protocol)) wrong(one, "scheme");
    if (own.includes(url.origin)) return;
    if (!link) wrong(one, "elsewhere");
    else if (one.target !== "_blank" || !one.relList.contains("noopener")) wrong(one, "opener");
  };
  const visit = (root, inHead) => {
    for (const one of root.childNodes) {
      if (one.nodeType === Node.TEXT_NODE) words.push(one.data);
      if (one.nodeType !== Node.ELEMENT_NODE) continue;
      const tag = one.localName.toLowerCase();
      if (never.has(tag)) wrong(one, "element");
      if (headOnly.has(tag) && !inHead) wrong(one, "element");
      if (tag === "script" && (!one.src || one.type === "importmap")) wrong(one, "script");
      for (const { name, value } of one.attributes) {
        judge(one, name.toLowerCase(), value);
        words.push(value);
      }
      if (typeof one.value === "string") words.push(one.value);
      if (one.shadowRoot) visit(one.shadowRoot, false);
      visit(tag === "template" ? one.content : one, inHead || tag === "head");
    }
  };
  visit(document, false);
  for (const name in {}) bad.push(`every object has ${name}`);
  if (window.clobbered) bad.push("a name of the page is taken");
  if (/tripped|zq/.test(document.cookie)) bad.push(`cookie ${document.cookie}`);
  return [bad, words.join("\\n")];
}"""


@dataclass
class Tripwire:
    """What was noticed in one window; `own` are the origins that it may have to do with."""

    context: BrowserContext
    own: Collection[str]
    executions: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    looks: int = 0
    answers: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, address and status of each answer."""

    def __post_init__(self) -> None:
        context = self.context
        context.expose_binding("tripped", lambda _, word="": self.executions.append(str(word)))
        context.expose_binding("violated", lambda _, words: self.violations.append(words))
        context.add_init_script(WATCH)
        context.route(re.compile(rf"^https?://{re.escape(CANARY)}/"), _speak)
        context.on("request", self._asked)
        context.on(
            "response",
            lambda answer: self.answers.append((answer.request.method, answer.url, answer.status)),
        )
        context.on("dialog", self._dialog)
        context.on("console", self._said)
        context.on("page", self._opened)

    def look(self, page: Page) -> set[str]:
        """Judge everything in the page; return the marks that are shown in it."""
        bad, words = self._judge(page)
        self.looks += 1
        self.bad += [f"{page.url[:100]} {one}" for one in bad]
        shown = set(MARK.findall(words))
        self.seen |= shown
        return shown

    def _judge(self, page: Page) -> tuple[list[str], str]:
        """Look at the page that is there, or at the one that takes its place meanwhile."""
        try:
            bad, words = page.evaluate(LOOK, list(self.own))
        except Error as exc:
            if "context was destroyed" not in exc.message:
                raise
            page.wait_for_load_state()
            return self._judge(page)
        return bad, words

    def counts(self) -> dict[str, int]:
        """Return how often each kind of thing was noticed that must not be."""
        return {
            "payloads that ran": len(self.executions) + len(self.dialogs),
            "requests to other servers": len(self.elsewhere),
            "elements and attributes that could act": len(self.bad),
            "violations of the policy": len(self.violations),
            "pages that left or opened another": len(self.left),
        }

    def assert_quiet(self) -> None:
        """Nothing was noticed at all."""
        noticed = [
            *self.executions,
            *self.dialogs,
            *self.elsewhere,
            *self.bad,
            *self.violations,
            *self.left,
        ]
        assert not noticed, noticed[:5]

    def _asked(self, request: Request) -> None:
        if request.url.startswith(("data:", "blob:", "about:")):
            return
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" not in self.own:
            self.elsewhere.append(request.url)

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _said(self, line: ConsoleMessage) -> None:
        """Count what the browser reports of the policy where no listener was yet."""
        if "Content Security Policy" in line.text:
            self.violations.append(line.text[:200])

    def _opened(self, page: Page) -> None:
        page.on("framenavigated", self._navigated)
        page.on("popup", lambda popup: self.left.append(f"opened {popup.url}"))

    def _navigated(self, frame: Frame) -> None:
        parts = urlsplit(frame.url)
        if frame.url != "about:blank" and f"{parts.scheme}://{parts.netloc}" not in self.own:
            self.left.append(frame.url)


def _speak(route: Route) -> None:
    """Answer as the server of an attacker does: with a script that pulls the wire."""
    script = f"tripped('{urlsplit(route.request.url).path}')"
    route.fulfill(
        body=script, content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"}
    )
