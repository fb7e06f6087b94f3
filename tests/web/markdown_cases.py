"""Markdown that the server and the browser have to treat alike: attacks, and what is allowed."""

from __future__ import annotations

from typing import Final

ATTACKS: Final = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '<iframe src="javascript:alert(1)"></iframe>',
    '<a href="javascript:alert(1)">x</a>',
    "<style>*{display:none}</style>",
    "<base href=https://evil.example/>",
    '<form action="https://evil.example"><input name=a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://evil.example/1)",
    "[x](//evil.example/)",
    "[x](/\\evil.example/)",
    "[x](https:\\\\evil.example)",
    "[x](/sign-out)",
    "[x](#main)",
    '[x](https://ok.example/"onmouseover="alert(1))',
    "[x](<javascript:alert(1)>)",
    "<javascript:alert(1)>",
    "[a]: javascript:alert(1)\n\n[a]",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "![x](//evil.example/pixel.png)",
    "![x](/\\evil.example/pixel.png)",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    '![x](" onerror=alert(1) x=")',
    '![" onerror=alert(1) x="](https://evil.example/p.png)',
    "[![x](https://evil.example/p.png)](javascript:alert(1))",
    '```"><script>alert(1)</script>\ncode\n```',
    '```x" onclick="alert(1)\ncode\n```',
    "`<script>alert(1)</script>`",
    "|<script>alert(1)</script>|\n|-|\n|[x](javascript:alert(1))|",
    "# <img src=x onerror=alert(1)>",
    "> <object data=javascript:alert(1)>",
    "- [x] <script>alert(1)</script>",
    "<br onclick=alert(1)>",
    "https://ok.example/<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "$<script>alert(1)</script>$",
    "\\[<script>alert(1)</script>\\]",
    "<!-- --><script>alert(1)</script>",
    "<math><mtext></p><script>alert(1)</script>",
]

ALLOWED_TAGS: Final = frozenset(
    {"p", "br", "hr", "h3", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li"}
    | {"a", "img", "span", "div", "table", "thead", "tbody", "tr", "th", "td"}
)
ALLOWED_ATTRIBUTES: Final = frozenset(
    {"href", "rel", "target", "src", "alt", "start", "class", "tabindex", "role", "aria-label"}
    | {"data-language"}
)
REL: Final = "nofollow noopener noreferrer"

# Markdown, and the links (address, words) and images that it becomes.
Link = tuple[str, str]
ADDRESSES: Final[list[tuple[str, list[Link], list[str]]]] = [
    ("[a](https://x.example/1)", [("https://x.example/1", "a")], []),
    ("[a](http://x.example)", [("http://x.example", "a")], []),
    ("[a](mailto:me@x.example)", [("mailto:me@x.example", "a")], []),
    ("[a](HTTPS://x.example)", [("HTTPS://x.example", "a")], []),
    ('[a](https://x.example "Title")', [("https://x.example", "a")], []),
    ("[**a** b](https://x.example)", [("https://x.example", "a b")], []),
    ("see https://x.example/1.", [("https://x.example/1", "https://x.example/1")], []),
    ("https://x.example", [("https://x.example", "https://x.example")], []),
    ("[a](ftp://x.example)", [], []),
    ("[a](tel:123)", [], []),
    ("[a](relative)", [], []),
    ("[a]()", [], []),
    ("![a](/static/mark.svg)", [], ["/static/mark.svg"]),
    ("![a](https://x.example/p.png)", [("https://x.example/p.png", "a")], []),
    ("![](https://x.example/p.png)", [("https://x.example/p.png", "https://x.example/p.png")], []),
    ("![a](data:image/png;base64,AAAA)", [], []),
    ("`https://x.example`", [], []),
]

# Markdown, and the HTML that both make of it, white space between elements aside.
SAME: Final = [
    ("plain", "<p>plain</p>"),
    ("one\ntwo", "<p>one<br>two</p>"),
    ("one\n\ntwo", "<p>one</p><p>two</p>"),
    ("**b** *i* ~~s~~ `c`", "<p><strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p>"),
    ("# One\n\n## Two", '<h3 class="heading-1">One</h3><h3 class="heading-2">Two</h3>'),
    ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
    ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
    ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    ("> q", "<blockquote><p>q</p></blockquote>"),
    ("---\n", "<hr>"),
    ("a<br>b", "<p>a<br>b</p>"),
    ("2 < 3 & 4 > 1", "<p>2 &lt; 3 &amp; 4 &gt; 1</p>"),
    ("from $HOME to $PATH, $5 or $$x$$", "<p>from $HOME to $PATH, $5 or $$x$$</p>"),
    ("`$HOME` and $x", "<p><code>$HOME</code> and $x</p>"),
    ("so \\(x\\) is", "<p>so (x) is</p>"),
    ("```\n$HOME\n```", '<pre tabindex="0"><code>$HOME</code></pre>'),
    (
        "```python\nx < 1\n```",
        '<pre tabindex="0" data-language="python">'
        '<code class="language-python">x &lt; 1</code></pre>',
    ),
    (
        "- [x] a\n- [ ] b",
        '<ul><li><span class="task" role="img" aria-label="Done">☑</span> a</li>'
        '<li><span class="task" role="img" aria-label="To do">☐</span> b</li></ul>',
    ),
    (
        "|a|b|\n|-|-|\n|1|**2**|",
        '<div class="table" tabindex="0" role="region" aria-label="Table"><table>'
        "<thead><tr><th>a</th><th>b</th></tr></thead>"
        "<tbody><tr><td>1</td><td><strong>2</strong></td></tr></tbody></table></div>",
    ),
    ("you said 你好 and שלום", "<p>you said 你好 and שלום</p>"),
]

TABLE: Final = '<div class="table" tabindex="0" role="region" aria-label="Table"><table>'
END: Final = "</table></div>"
ROW: Final = "<tr><td>1</td></tr>"

# What is too much, and what both make of it: no word is lost.
LIMITS: Final = [
    (
        "> " * 10_000 + "a\n" + "> " * 10_000 + "b",
        "<blockquote>" * 24 + "a\nb" + "</blockquote>" * 24,
    ),
    (
        "\n".join("  " * depth + "- a" for depth in range(200)),
        "<ul><li>a" * 11 + "<ul><li>a" + "\na" * 188 + "</li></ul>" * 12,
    ),
    (
        "|a|\n|-|\n" + "|1|\n" * 201,
        f"{TABLE}<thead><tr><th>a</th></tr></thead><tbody>{ROW * 100}</tbody>{END}"
        f"{TABLE}<tbody>{ROW * 100}</tbody>{END}{TABLE}<tbody>{ROW}</tbody>{END}",
    ),
    (
        "|" + "a|" * 32 + "\n|" + "-|" * 32 + "\n|" + "1|" * 32,
        f"{TABLE}<thead><tr>{'<th>a</th>' * 29}<th>a | a | a</th></tr></thead>"
        f"<tbody><tr>{'<td>1</td>' * 29}<td>1 | 1 | 1</td></tr></tbody>{END}",
    ),
    ("w" * 60_999 + "\n*b*", f'<p>{"w" * 60_999}</p><p class="plain">*b*</p>'),
    ("w" * 61_001, f'<p>{"w" * 61_000}</p><p class="plain">w</p>'),
    (
        "w" * 60_000 + "\n" + "x" * 4_500 + "\n" + "<b>",
        f'<p>{"w" * 60_000}</p><p class="plain">{"x" * 4_500}\n</p><p class="plain">&lt;b&gt;</p>',
    ),
]
