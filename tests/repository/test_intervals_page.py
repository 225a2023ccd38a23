"""docs/intervals.md names every kind of interval."""

from pathlib import Path

import pytest

from causalhyper.queries.experiments.uncertainty import INTERVALS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "intervals.md").read_text("utf-8")


@pytest.mark.parametrize("kind", INTERVALS)
def test_the_page_names_every_kind(kind: str) -> None:
    assert f'"{kind}"' in PAGE
