"""Power, sample sizes and detectable effects against statsmodels' stored numbers."""

import json
from math import ceil
from pathlib import Path

import pytest

from causalhyper.inference.power import (
    Comparison,
    clusters_for,
    detectable,
    pointwise,
    power_of,
)

STORED = json.loads(Path(__file__).with_name("power.json").read_text("utf-8"))


def comparison(row):
    return Comparison(sd=1.0, arms=row["arms"], lost=row["arms"])


def test_power_equals_statsmodels():
    assert len(STORED["powers"]) > 100
    for row in STORED["powers"]:
        critical = pointwise(1 - row["alpha"])
        found = power_of(comparison(row), row["effect"], row["clusters"], critical)
        assert found == pytest.approx(row["power"], abs=1e-8), row


def test_the_fewest_clusters_are_statsmodels_size_rounded_up():
    for row in STORED["sizes"]:
        found = clusters_for(comparison(row), row["effect"], row["target"], pointwise(0.95))
        assert found == max(2, ceil(row["clusters"])), row


def test_the_detectable_effect_equals_statsmodels():
    for row in STORED["effects"]:
        found = detectable(comparison(row), row["clusters"], row["target"], pointwise(0.95))
        # statsmodels' search for the root stops within 2e-6
        assert found == pytest.approx(row["effect"], rel=5e-6), row
