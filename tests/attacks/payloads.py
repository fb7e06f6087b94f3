r"""Texts that want to be more than text, by what they try.

`RUN` becomes a call of the tripwire and `CANARY` the address of a server that nobody of ours asks,
each with the payload's number. A payload's mark, like `zq007`, is an ordinary word, so that a test
can see that the text was shown, and that it was shown as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Payload:
    """One text; `mark` is the word in it that tells it from all others."""

    number: int
    kind: str
    text: str

    @property
    def mark(self) -> str:
        return f"zq{self.number:03}"


TEXTS: Final[dict[str, list[str]]] = {
    "script": [
        "<script>RUN</script>",
        "<ScRiPt >RUN</sCrIpT >",
        "<script/x>RUN</script/x>",
        "<script src=CANARY></script>",
        "<script type=module>RUN</script>",
        '<script type="importmap">{"imports":{"./dom.js":"CANARY"}}</script>',
        '<script type="speculationrules">{"prefetch":[{"urls":["CANARY"]}]}</script>',
        "<scr<script>ipt>RUN</scr</script>ipt>",
    ],
    "handler": [
        "<img src=x onerror=RUN>",
        "<img/src='x'/onerror='RUN'>",
        "<body onload=RUN>",
        "<details open ontoggle=RUN>zq</details>",
        "<input autofocus onfocus=RUN>",
        "<video><source onerror=RUN></video>",
        "<p style='animation:x' onanimationstart=RUN><b onpointerenter=RUN>zq</b></p>",
        "<br onclick=RUN><hr onmouseover=RUN>",
        "<button popovertarget=sidebar onbeforetoggle=RUN>zq</button>",
        "<xss contenteditable onbeforeinput=RUN tabindex=0 autofocus onfocus=RUN>zq</xss>",
    ],
    "svg and math": [
        "<svg onload=RUN>",
        "<svg><script>RUN</script></svg>",
        "<svg><a xlink:href=javascript:RUN><text y=9>zq</text></a></svg>",
        "<svg><animate onbegin=RUN attributeName=x dur=1s></svg>",
        "<svg><set attributeName=href to=javascript:RUN /></svg>",
        "<svg><use href='data:image/svg+xml,<svg id=x><script>RUN</script></svg>#x' /></svg>",
        "<svg><foreignObject><iframe srcdoc='<script>parent.RUN</script>'></foreignObject></svg>",
        "<math><mtext><script>RUN</script></mtext></math>",
        "<math href=javascript:RUN>zq</math>",
    ],
    "Markdown link": [
        "[a](javascript:RUN)",
        "[a](<java\tscript:RUN>)",
        "[a](JAVASCRIPT&colon;RUN)",
        "[a](&#x6a;avascript:RUN)",
        "[a](\\x01javascript:RUN)",
        "[a](\x01javascript:RUN)",
        "[a](vbscript:RUN)",
        "[a](data:text/html;charset=utf-8,<script>RUN</script>)",
        "[a](data:text/html;base64,PHNjcmlwdD50cmlwcGVkKDApPC9zY3JpcHQ+)",
        "[a](view-source:javascript:RUN)",
        "[a](blob:CANARY)",
        '[a](CANARY"onmouseover="RUN)',
        "[a](CANARY 'x' onfocus=RUN autofocus)",
        '[a](CANARY "\\" onfocus=RUN autofocus \\"")',
        "[a]: javascript:RUN\n\nMARK [a] and [b][a]",
        "[a]: <data:text/html,<script>RUN</script>>\n\nMARK [a][]",
        "<javascript:RUN>",
        "<CANARY/'onmouseover='RUN>",
        "[<img src=x onerror=RUN>](CANARY)",
        "[a](//canary.test/x 'MARK')MARK",
    ],
    "Markdown image": [
        "![a](javascript:RUN)",
        "![a](CANARY)",
        "![a](//canary.test/i)",
        "![a](/\\canary.test/i)",
        "![a](/\t/canary.test/i)",
        "![a](data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='RUN'/>)",
        '![" onerror=RUN x="](/mark.svg)',
        '![a](/mark.svg" onerror="RUN)',
        "[![a](CANARY)](javascript:RUN)",
        "![a][i]\n\n[i]: CANARY\n\nMARK",
    ],
    "Markdown and HTML": [
        "```html\n<script>RUN</script>\n```\n\nMARK",
        '```"><script>RUN</script>\nMARK\n```',
        '```js" onclick="RUN\nMARK\n```',
        "``<script>RUN</script>``",
        "<!-- --!><script>RUN</script> -->",
        "<div markdown=1>\n\n[a](javascript:RUN)\n\n</div>",
        "| <script>RUN</script> | [a](javascript:RUN) |\n|-|-|\n| <img src=x onerror=RUN> | MARK |",
        "&lt;script&gt;RUN&lt;/script&gt;",
        "&amp;lt;script&amp;gt;RUN&amp;lt;/script&amp;gt;",
        "- [x] <script>RUN</script>\n\nMARK",
        "$$<script>RUN</script>$$ \\(<img src=x onerror=RUN>\\)",
    ],
    "end of an element": [
        "</title><script>RUN</script>",
        "</textarea><script>RUN</script>",
        "</style><script>RUN</script>",
        "</script><script>RUN</script>",
        '"}]}</script><script>RUN</script>',
        "</template></dialog></nav></ol></main><script>RUN</script>",
        "</threadkeeper-chat><script>RUN</script>",
        "</noscript></iframe></select></option><script>RUN</script>",
        "]]><script>RUN</script><![CDATA[",
        "--><script>RUN</script><!--",
    ],
    "end of an attribute": [
        '" autofocus onfocus=RUN x="',
        "' autofocus onfocus=RUN x='",
        "` autofocus onfocus=RUN x=`",
        '"><script>RUN</script>',
        "'><script>RUN</script>",
        "&quot; onmouseover=RUN &quot;",
        "x onmouseover=RUN //",
        '" hx-get="CANARY" hx-trigger="load" hx-on:load="RUN" data-module="',
    ],
    "end of a string": [
        "';RUN;//",
        '";RUN;//',
        "\\';RUN;//",
        "${RUN}`;RUN;`",
        "\u2028RUN\u2029//",
    ],
    "template": [
        "{{ ''.__class__.__mro__ }}{{ 7*7 }}{% print(1) %}",
        "{{constructor.constructor('RUN')()}}",
        "${RUN} #{RUN} <%= RUN %> {title} {count} $& $` $'",
        "<template shadowrootmode=open><script>RUN</script></template>",
    ],
    "element that acts": [
        "<meta http-equiv=refresh content='0;url=CANARY'>",
        "<base href=CANARY/>",
        "<form action=CANARY><button autofocus>zq</button></form>",
        "<button formaction=javascript:RUN form=rename>zq</button>",
        "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
        "<iframe src=javascript:parent.RUN></iframe>",
        "<object data=javascript:RUN></object><embed src=CANARY>",
        "<link rel=stylesheet href=CANARY>",
        "<style>@import 'CANARY'; * { background: url(CANARY) }</style>",
        "<div style='background:url(CANARY);position:fixed;inset:0'>zq</div>",
        "<a href=CANARY ping=CANARY target=_self>zq</a>",
        "<plaintext>",
    ],
    "mutation": [
        "<noscript><p title='</noscript><img src=x onerror=RUN>'>",
        "<math><mi><table><mglyph><style><!--</style><img title='--><img src=x onerror=RUN>'>",
        "<svg></p><style><a id='</style><img src=x onerror=RUN>'>",
        "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=RUN>",
        "<select><template><style><!--</style><a rel='--></select><img src=x onerror=RUN>'>",
        "<listing>&lt;img src=x onerror=RUN&gt;</listing>",
    ],
    "name that is taken": [
        "<a id=clobbered></a><a id=clobbered name=origin href=javascript:RUN></a>",
        "<img name=getElementById><form name=body><input name=children></form>",
        "<form id=delete-dialog><input name=showModal id=said></form>",
        '{"__proto__": {"polluted": "RUN"}, "constructor": {"prototype": {"polluted": 1}}}',
        "__proto__[innerHTML]=<img src=x onerror=RUN>",
        "<a id=trustedTypes></a><script>trustedTypes.createPolicy('default',{});RUN</script>",
    ],
    "letters": [
        "\uff1cscript\uff1eRUN\uff1c/script\uff1e",
        "<\x00script>RUN</\x00script>",
        "+ADw-script+AD4-RUN+ADw-/script+AD4-",
        "\u202e<script>RUN</script>\u202c\u2066<b>\u2069",
        "<\u017fcript>RUN</\u017fcript>",
        "\ufeff<script>RUN</script>\u00ad\u200b",
        "%3Cscript%3ERUN%3C/script%3E",
        "\\u003cscript\\u003eRUN\\u003c/script\\u003e",
    ],
    "line": [
        'zq\n\ndata: {"type":"error","message":"<script>RUN</script>"}\n\nevent: x\nid: 1',
        "zq\r\n\r\n<script>RUN</script>",
        "zq\r\nContent-Type: text/html\r\nX-A: b\r\n\r\n<script>RUN</script>",
        '=HYPERLINK("CANARY","zq")',
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "# Assistant\n\n---\n\n[a](javascript:RUN)\n\n> <script>RUN</script>\n\nMARK",
        "a.html\"; filename*=UTF-8''x.html\r\nX: <script>RUN</script>",
        '",\n"items":[{"kind":"<script>RUN</script>"}]}\n]}\n',
    ],
}

# Where a field is an address, it gets one of these.
ADDRESSES: Final = [
    "javascript:tripped('zqaddress')",
    "JaVaScRiPt:tripped('zqaddress')//http://example.com",
    "\x01javascript:tripped('zqaddress')",
    "java\nscript:tripped('zqaddress')",
    "data:text/html,<script>opener.tripped('zqaddress')</script>",
    "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9InRyaXBwZWQoKSIvPg==",
    "data:image/png;base64,zq\" onerror=\"tripped('zqaddress')",
    "vbscript:tripped('zqaddress')",
    "//canary.test/zqaddress",
    "/\\canary.test/zqaddress",
    "/\t/canary.test/zqaddress",
    "http://canary.test/zqaddress\" onmouseover=\"tripped('zqaddress')",
    "http://canary.test/zqaddress",
    "blob:http://canary.test/zqaddress",
]


def _numbered() -> list[Payload]:
    """Return all of them, with their calls and marks."""
    every = [(kind, text) for kind, texts in TEXTS.items() for text in texts]
    made = []
    for number, (kind, text) in enumerate(every):
        mark = f"zq{number:03}"
        text = text if "MARK" in text else f"{text} MARK"
        text = text.replace("RUN", f"tripped({number})").replace("MARK", mark)
        made.append(Payload(number, kind, text.replace("CANARY", f"http://canary.test/{number}")))
    return made


PAYLOADS: Final = _numbered()
