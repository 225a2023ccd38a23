"""The JSON document of an analysis, with a versioned schema."""

from __future__ import annotations

import json
from importlib.resources import files

from causalhyper.queries import Analysis
from causalhyper.report.provenance import Provenance
from causalhyper.results import Estimate

SCHEMA = "causalhyper.estimates/1"
"""Name and version of the document's schema; a change that breaks readers raises the number."""


def estimates_document(analysis: Analysis, provenance: Provenance) -> dict[str, object]:
    """The document of one analysis, ready for `json.dumps`.

    Parameters
    ----------
    analysis : Analysis
    provenance : Provenance

    Returns
    -------
    dict
        Valid under `document_schema`.
    """
    model, test = analysis.model, analysis.curve.test
    return {
        "schema": SCHEMA,
        "protocol": model.protocol,
        "graph": str(model.graph),
        "roles": {role.node: role.label for role in model.roles.values()},
        "cluster": list(model.cluster),
        "context": list(model.context),
        "treatment": analysis.treatment,
        "outcome": analysis.outcome,
        "draws": analysis.draws,
        "seed": analysis.seed,
        "verdict": analysis.curve.verdict,
        "estimates": [_record(e) for e in analysis.estimates],
        "tests": [
            {
                "name": test.name,
                "null": test.null,
                "statistic": test.statistic,
                "p_value": test.p_value,
                "reference": test.reference,
                "alpha": test.alpha,
                "reading": test.reading,
            }
        ],
        "data": {"name": provenance.data, "sha256": provenance.sha256},
        "command": provenance.command,
        "versions": dict(provenance.versions),
    }


def _record(e: Estimate) -> dict[str, object]:
    return {
        "query": e.query,
        "subject": e.subject,
        "treatment": e.treatment,
        "value": e.value,
        "baseline": e.baseline,
        "estimand": e.estimand,
        "estimate": e.estimate,
        "se": e.se,
        "df": e.df,
        "lower": e.lower,
        "upper": e.upper,
        "joint_lower": e.joint_lower,
        "joint_upper": e.joint_upper,
        "level": e.level,
        "method": e.method,
        "n": e.n,
        "clusters": e.clusters,
        "assumptions": list(e.assumptions),
        "seed": e.seed,
    }


def document_bytes(document: dict[str, object]) -> bytes:
    """The document as UTF-8 JSON; equal documents give equal bytes."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def document_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = files("causalhyper.report").joinpath("estimates.schema.json").read_text("utf-8")
    schema: dict[str, object] = json.loads(text)
    return schema
