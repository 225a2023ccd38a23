import json
import re
from pathlib import Path

import jsonschema
import pytest
from scipy import stats

from causalhyper import Analysis
from causalhyper.report import (
    SCHEMA,
    Provenance,
    document_bytes,
    document_schema,
    estimates_document,
)

ROOT = Path(__file__).parents[2]
PROVENANCE = Provenance("causalhyper analyze", "runs.csv", "0" * 64, (("python", "3.12.1"),))
REQUIRED = (
    "query treatment value baseline estimand estimate se lower upper level method n clusters "
    "assumptions"
).split()


@pytest.fixture(scope="module")
def document(analysis: Analysis) -> dict:
    return json.loads(document_bytes(estimates_document(analysis, PROVENANCE)))


def test_the_document_is_valid_under_its_schema(document: dict) -> None:
    jsonschema.Draft202012Validator.check_schema(document_schema())
    jsonschema.validate(document, document_schema())


def test_the_schema_refuses_a_record_without_its_estimand(document: dict) -> None:
    first, *rest = document["estimates"]
    broken = {k: v for k, v in first.items() if k != "estimand"}
    with pytest.raises(jsonschema.ValidationError, match="estimand"):
        jsonschema.validate(document | {"estimates": [broken, *rest]}, document_schema())


def test_the_document_names_its_schema_and_version(document: dict) -> None:
    assert document["schema"] == SCHEMA == document_schema()["title"]


def test_every_record_has_the_required_keys(document: dict) -> None:
    assert all(set(REQUIRED) <= set(record) for record in document["estimates"])


def test_the_records_are_the_estimates_of_the_analysis(document: dict, analysis: Analysis) -> None:
    frame = analysis.to_frame()
    assert len(document["estimates"]) == len(frame)
    for record, (_, row) in zip(document["estimates"], frame.iterrows(), strict=True):
        assert record["query"] == row["query"]
        assert record["estimate"] == row["estimate"]
        assert (record["lower"], record["upper"]) == (row["lower"], row["upper"])
        assert (record["se"], record["df"]) == (row["se"], row["df"])


def test_the_interval_of_a_record_is_its_t_interval(document: dict) -> None:
    """A reader can make the interval of any other level from what a record holds."""
    for record in document["estimates"]:
        half = stats.t.ppf((1 + record["level"]) / 2, record["df"]) * record["se"]
        assert record["upper"] == pytest.approx(record["estimate"] + half, rel=1e-9, abs=1e-12)


def test_a_document_from_before_the_degrees_of_freedom_is_valid(document: dict) -> None:
    old = [{k: v for k, v in e.items() if k != "df"} for e in document["estimates"]]
    jsonschema.validate(document | {"estimates": old}, document_schema())


def test_the_page_and_the_schema_name_the_same_keys_of_a_record(document: dict) -> None:
    known = set(document_schema()["$defs"]["estimate"]["properties"])
    page = (ROOT / "docs" / "estimates-json.md").read_text("utf-8").partition("A record of")[2]
    rows = re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == known
    assert all(set(record) == known for record in document["estimates"])


def test_every_query_of_the_schema_occurs(document: dict) -> None:
    listed = document_schema()["$defs"]["estimate"]["properties"]["query"]["enum"]
    assert {record["query"] for record in document["estimates"]} == set(listed)


def test_equal_analyses_give_equal_bytes(analysis: Analysis) -> None:
    first, second = (document_bytes(estimates_document(analysis, PROVENANCE)) for _ in range(2))
    assert first == second
