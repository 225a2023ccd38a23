"""The shipped runs are what their description says, and the study answers from them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from case_studies.batch_size import __main__ as study
from case_studies.batch_size import gcn_on_cora
from causalhyper.frames import read_runs
from tests.case_studies.batch_size_world import make_study

BATCHES = (16, 32, 64, 128, 256, 512)


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return read_runs(study.RUNS)


def test_the_design_is_complete_and_every_run_is_there_once(runs: pd.DataFrame) -> None:
    counts = runs.groupby(["design", "batch_size"])["seed"].nunique()
    assert set(counts.index.get_level_values("batch_size")) == set(BATCHES)
    assert (counts == 40).all()
    assert len(runs) == 2 * 6 * 40
    assert runs["run_id"].is_unique


def test_updates_and_epochs_are_matched_as_the_designs_say(runs: pd.DataFrame) -> None:
    epochs, updates = (runs[runs["design"] == f"equal_{what}"] for what in ("epochs", "updates"))
    assert set(epochs["epochs"]) == {100}
    assert set(updates["updates"]) == {1600}
    assert np.allclose(runs["epochs"] * runs["n_train"], runs["updates"] * runs["batch_size"])


def test_both_designs_hold_the_same_training_where_they_coincide(runs: pd.DataFrame) -> None:
    same = runs[runs["batch_size"] == 64].set_index(["seed", "design"])
    measured = same[["grad_noise", "sharpness", "weight_norm", "train_loss", "test_accuracy"]]
    first, second = (measured.xs(f"equal_{d}", level="design") for d in ("epochs", "updates"))
    pd.testing.assert_frame_equal(first, second)


def test_gradient_noise_is_the_example_noise_scaled_to_the_batch(runs: pd.DataFrame) -> None:
    share = 1 - runs["batch_size"] / runs["n_train"]
    assert np.allclose(runs["grad_noise"], runs["example_noise"] / runs["batch_size"] * share)


@pytest.mark.parametrize("design", study.PROTOCOLS)
def test_the_design_contrast_is_the_paired_t_interval(design: str, runs: pd.DataFrame) -> None:
    found = study.analyze_design(runs, design, draws=2000, seed=1).analysis.curve.design
    part = runs[runs["design"] == design]
    table = part.pivot(index="seed", columns="batch_size", values="test_accuracy")
    for e in found:
        paired = stats.ttest_1samp(table[int(e.value)] - table[512], 0.0)
        interval = paired.confidence_interval(0.95)
        assert e.estimate == pytest.approx((table[int(e.value)] - table[512]).mean(), abs=1e-12)
        width = interval.high - interval.low
        # 2,000 replicates leave about 1.6% of Monte Carlo error in a standard error
        assert e.upper - e.lower == pytest.approx(width, rel=0.07)


def test_the_readme_states_the_range_of_shares_beyond_the_observed_runs(
    runs: pd.DataFrame,
) -> None:
    shares = []
    for design in study.PROTOCOLS:
        analysis = study.analyze_design(runs, design, draws=100, seed=1).analysis
        shares += [m.extrapolated for m in analysis.mediation if m.mediators == ("S",)]
        named = ("randomise S", "cut N -> S", "drop the interaction of {N, S} -> C (Q product)")
        found = [a.extrapolated for a in analysis.ablations if a.operation in named]
        assert len(found) == len(named)
        shares += found
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert f"{100 * min(shares):.0f} to {max(shares):.0%}" in readme


def test_the_first_runs_have_a_page_and_documents(tmp_path: Path) -> None:
    files = gcn_on_cora.make_pages(tmp_path, "python -m case_studies.batch_size", 100, 1)
    assert sorted(p.name for p in files) == [
        "equal_epochs.json",
        "equal_updates.json",
        "index.html",
    ]
    page = files[tmp_path / "index.html"].decode()
    for design in study.PROTOCOLS:
        document = json.loads(files[tmp_path / f"{design}.json"])
        assert document["protocol"] in page
        for record in document["estimates"]:
            assert f'<data value="{record["estimate"]}">' in page


@pytest.mark.slow
def test_the_command_writes_one_page_every_table_and_the_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, tuning = make_study(seeds={"graph": 6, "text": 4})
    data, out, page = tmp_path / "data", tmp_path / "report", tmp_path / "page.md"
    data.mkdir()
    runs.to_parquet(data / "graphs.parquet")
    tuning.to_parquet(data / "graph_tuning.parquet")
    page.write_text("<!-- table: accuracy -->\n<!-- end -->\n")
    words = ["study", "--out", str(out), "--data", str(data), "--page", str(page)]
    monkeypatch.setattr("sys.argv", [*words, "--draws", "100"])
    study.main()
    assert {p.name for p in out.iterdir()} == {"index.html", "study.json", "tables", "gcn-on-cora"}
    document = json.loads((out / "study.json").read_text("utf-8"))
    assert {p.stem for p in (out / "tables").iterdir()} >= set(document["tables"])
    printed = " ".join(capsys.readouterr().out.split())
    for claim in document["claims"]:
        assert claim["finding"] in printed
    assert page.read_text("utf-8").count("\n| ") == 4
