"""Pages are small, and equal inputs give equal bytes in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.browser.kinds import KINDS

ROOT = Path(__file__).parents[3]
FAST = [kind for kind in KINDS if "case" not in kind]
MOST = 500_000


def checksums(hash_seed: str, kinds: list[str]) -> list[str]:
    """Checksum of each page, made in a process of its own."""
    surroundings = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.report.browser.kinds", *kinds]
    done = subprocess.run(
        command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "kinds", [FAST, pytest.param(["small case study"], marks=pytest.mark.slow)]
)
def test_two_processes_with_other_hash_seeds_write_the_same_bytes(kinds: list[str]) -> None:
    first, second = (checksums(seed, kinds) for seed in ("0", "4321"))
    assert [line.rpartition(" ")[0] for line in first] == kinds
    assert first == second


def test_a_page_is_smaller_than_500_kb(html: str) -> None:
    assert 5_000 < len(html.encode()) < MOST
