"""Labels that would harm a page that trusts them."""

SIGNS = (
    "<script>hit()</script>",
    "\"><img src=x onerror='hit()'>",
    "' onfocus='hit()' autofocus x='",
    "</style><style>body { display: none }</style>",
    "</title></caption></td></table></svg></main><svg onload=hit()>",
    "<a href='javascript:hit()'> <iframe srcdoc=x></iframe> <base href=//evil.test/>",
    "{{7*7}}{% raw %}{# #}",
    "$\\frac{x}{$ $x_1$ \\usepackage ^_~%",
    "&amp;&lt;script&gt;&#60;&",
    "]]> <![CDATA[ <?xml?> <!--",
    "\u200f\u05d0\u05d1 \u202e\u2066edisni tuo",
    "`**`|--|",
)
ATTACK = " " + " ".join(SIGNS) + " end"
"""All of them, as a file of runs can hold them too."""
BROKEN = ATTACK + "\x00\x0b\ufffe end"
"""With signs that no file and no page can hold."""
LONG = "x" * 10_000
"""A word that nothing breaks."""
