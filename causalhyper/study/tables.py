"""The tables of a study file and the keys of each; docs/study-file.md explains them."""

from __future__ import annotations

from causalhyper.study.keys import Key
from causalhyper.study.verbs import SHARED

FILE_SCHEMA = "causalhyper.study/1"
"""Name and version of what a study file may hold."""
TOP = (
    Key("schema", "text", choices=(FILE_SCHEMA,)),
    Key("title", "text"),
    Key("data", "table", required=True),
    Key("roles", "labels", required=True),
    Key("hypergraph", "table", required=True),
    Key("question", "table", required=True),
    Key("protocol", "table", required=True),
    Key("model", "table"),
    Key("uncertainty", "table"),
    Key("query", "tables"),
    Key("report", "table"),
)
DATA = (
    Key("runs", "text", required=True),
    Key("where", "texts"),
    Key("cluster", "texts", required=True),
    Key("context", "texts"),
    Key("each", "texts"),
)
HYPERGRAPH = (Key("edges", "text", required=True),)
QUESTION = (
    Key("treatment", "text", required=True),
    Key("outcome", "text", required=True),
    SHARED["at"],
    SHARED["baseline"],
)
PROTOCOL = (Key("sentence", "text"), Key("by", "text"), Key("sentences", "labels"))
MODEL = (
    Key("mechanism", "text"),
    Key("mechanisms", "labels"),
    Key("outcome_range", "numbers"),
)
UNCERTAINTY = tuple(SHARED[name] for name in ("draws", "seed", "level", "interval"))
REPORT = (
    Key("folder", "text"),
    Key("html", "flag"),
    Key("json", "flag"),
    Key("csv", "flag"),
)
