"""Kept weights are those that were judged, and what is measured is measured of them, once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from case_studies.pruning.curvature_runs.__main__ import main as measure
from case_studies.pruning.curvature_runs.measuring import (
    LOSS,
    Wanted,
    as_model,
    draw_images,
    measure_flatness,
    measure_surfaces,
)
from case_studies.pruning.curvature_runs.parts import Which
from case_studies.pruning.images import parts_of
from case_studies.pruning.kept_weights import KeptNetwork, read_weights, write_weights
from case_studies.pruning.logs import KINDS
from case_studies.pruning.stacked_runs import jobs, strips
from case_studies.pruning.stacked_runs.__main__ import main
from case_studies.pruning.stacked_runs.design import SOURCES, Study
from case_studies.pruning.stacked_runs.sheets import read_images
from causalhyper.errors import DataError
from collectors.curvature import eigenvalues, measure_fit
from tests.case_studies.test_stacked_prunings import few_methods, some_images

SHARES = (0.98, SOURCES[0].published)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("kept")
    (folder / "data").mkdir()
    np.savez(folder / "data" / "fashion_mnist.npz", **some_images(160, (16, 16)))
    sizes = "--pre 1 --iterations 3 --collecting-epochs 1 --post 2 --batch-size 64 --validation 32"
    which = "--seeds 100 101 --datasets fashion_mnist --sparsities 0.98 --kept-seeds 1"
    exact = "--collecting float32 --training float32 --stages main"
    where = ["--data", str(folder / "data"), "--out", str(folder / "out")]
    return [*where, *sizes.split(), *which.split(), *exact.split()]


@pytest.fixture(scope="module")
def out(call: list[str]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "methods", few_methods)
        main(call)
    return Path(call[3])


@pytest.fixture(scope="module")
def networks(out: Path) -> list[KeptNetwork]:
    return list(read_weights(out / "fashion_mnist-s100-main-weights.npz"))


def asked(call: list[str], out: Path) -> list[str]:
    sizes = "--examples 24 --batch 24 --products 3 --top 2 --tolerance 0.01 --points 3"
    which = "--methods dense magnitude --surface-methods magnitude"
    where = ["--data", call[1], "--weights", call[3], "--out", str(out)]
    return [*where, *sizes.split(), *which.split()]


@pytest.fixture(scope="module")
def measured(call: list[str], out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    measure(asked(call, folder))
    return folder


def test_weights_of_the_chosen_methods_and_shares_are_kept_of_the_first_seeds(
    out: Path, networks: list[KeptNetwork]
):
    assert [path.name for path in out.glob("*weights*")] == ["fashion_mnist-s100-main-weights.npz"]
    found = {(n.names["method"], n.names["target"]) for n in networks}
    free = "causal-published-1e-14"
    targets = {m: {t for n, t in found if n == m} for m in {n for n, _ in found}}
    assert targets.pop("dense") == {0.0}
    assert np.isnan(list(targets.pop(free))).all()
    assert set(targets) == {"causal-covariance", "magnitude", "magnitude-later"}
    assert all(shares == set(SHARES) for shares in targets.values())


def test_kept_networks_have_the_accuracies_that_were_logged(
    call: list[str], out: Path, networks: list[KeptNetwork]
):
    log = pd.read_parquet(out / "fashion_mnist-s100-main-log.parquet")
    final = log[log["stage"] == "final"].set_index("run_id")
    parts = parts_of(read_images(Path(call[1]), "fashion_mnist"), "cpu", 500, 32)
    for network in networks:
        assert not network.row[~network.kept].any()
        images = draw_images(Path(call[1]), network, Wanted(examples=8, batch=8), "cpu")
        model = as_model(network, images)
        logged = final.loc[network.names["run_id"]]
        for part in ("validation", "test"):
            fit = measure_fit(model, LOSS, list(parts[part]))
            assert fit.accuracy == pytest.approx(logged[f"{part}_accuracy"])
            assert fit.loss == pytest.approx(logged[f"{part}_loss"], rel=1e-4)
        kept = sum(int(m.sum()) for m in network.layout.masks(network.kept).kept.values())
        assert kept == round(network.layout.entries * (1 - logged["sparsity"]))


def test_weights_are_read_back_bit_by_bit_and_other_files_are_refused(
    networks: list[KeptNetwork], tmp_path: Path
):
    path = tmp_path / "a-s1-main-weights.npz"
    write_weights(path, networks)
    for one, other in zip(networks, read_weights(path), strict=True):
        assert torch.equal(one.row, other.row)
        assert torch.equal(one.kept, other.kept)
        assert str(one.names) == str(other.names)
    assert path.stat().st_size < 0.6 * 4 * sum(len(n.row) for n in networks)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match="no file of kept weights"):
        list(read_weights(path))
    np.savez(path, about=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="no file of kept weights"):
        list(read_weights(path))


def test_networks_without_a_weight_are_not_measured(networks: list[KeptNetwork]):
    assert not any(network.is_empty for network in networks)
    one = networks[0]
    kept = torch.ones_like(one.kept)
    for name in one.layout.prunable:
        kept[one.layout.places()[name]] = False
    emptied = replace(one, kept=kept)
    assert emptied.is_empty
    assert Which().takes(one)
    assert not Which().takes(emptied)


def test_flatness_is_that_of_the_network_on_the_drawn_training_images(
    call: list[str], measured: Path, networks: list[KeptNetwork]
):
    frame = pd.read_parquet(measured / "lenet_flatness.parquet")
    assert KINDS["flatness"] <= set(frame)
    assert set(frame["method"]) == {"dense", "magnitude"}
    assert set(frame.loc[frame["method"] == "dense", "space"]) == {"network", "full"}
    wanted = Wanted(examples=24, batch=24)
    images = draw_images(Path(call[1]), networks[0], wanted, "cpu")
    train = read_images(Path(call[1]), "fashion_mnist")["x_train"][:-32]
    drawn = (images.batches[0][0] * train.std() + train.mean()).round().numpy()[:, 0]
    assert all((train == image).all(axis=(1, 2)).any() for image in drawn)
    network = next(
        n for n in networks if (n.names["method"], n.names["target"]) == ("magnitude", 0.98)
    )
    model, masks = as_model(network, images), network.layout.masks(network.kept)
    own = frame[(frame["method"] == "magnitude") & (frame["pruned"] == 0.98)]
    for space, kept in (("full", None), ("kept", masks)):
        top = eigenvalues(model, LOSS, images.data, k=2, tolerance=1e-6, masks=kept)
        rows = own[(own["quantity"] == "eigenvalue") & (own["space"] == space)]
        np.testing.assert_allclose(rows.sort_values("rank")["value"], top.values, rtol=0.02)


def test_surfaces_have_the_measured_loss_in_their_middle(measured: Path):
    surfaces = pd.read_parquet(measured / "lenet_surfaces.parquet")
    assert KINDS["surfaces"] <= set(surfaces)
    assert len(surfaces) == 2 * 2 * 9
    flat = pd.read_parquet(measured / "lenet_flatness.parquet")
    losses = flat[flat["quantity"] == "training_loss"].set_index(["method", "pruned"])["value"]
    middle = surfaces[(surfaces["alpha"] == 0) & (surfaces["beta"] == 0)]
    for row in middle.to_dict("records"):
        assert row["loss"] == pytest.approx(losses[(row["method"], row["pruned"])], rel=1e-4)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_network_that_diverged_is_measured_as_such(call: list[str], networks: list[KeptNetwork]):
    one = next(n for n in networks if n.names["method"] == "magnitude")
    lost = KeptNetwork(one.names, one.layout, one.kept, torch.where(one.kept, torch.nan, 0.0))
    wanted = Wanted(examples=8, batch=8, products=3, top=1, points=3)
    images = draw_images(Path(call[1]), lost, wanted, "cpu")
    frame = measure_flatness(lost, images, wanted)
    assert frame.loc[frame["quantity"] == "training_loss", "value"].isna().all()
    assert frame["caution"].str.contains("not finite").all()
    assert np.isinf(measure_surfaces(lost, images, wanted)["loss"]).all()


def test_a_second_call_measures_nothing_and_a_missing_part_to_the_same_numbers(
    call: list[str], measured: Path, capfd: pytest.CaptureFixture[str]
):
    before = (measured / "lenet_flatness.parquet").read_bytes()
    measure(asked(call, measured))
    assert capfd.readouterr().err == ""
    path = next((measured / "parts").glob("*magnitude-0.98*-flatness.parquet"))
    path.unlink()
    measure(asked(call, measured))
    assert "magnitude-0.98-seed100 flatness" in capfd.readouterr().err
    assert path.exists()
    assert (measured / "lenet_flatness.parquet").read_bytes() == before


def test_two_measurements_of_one_network_are_not_joined(
    call: list[str], measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "parts").mkdir()
    path = next((measured / "parts").glob("*-flatness.parquet"))
    for name in (path.name, f"x{path.name}"):
        (tmp_path / "parts" / name).write_bytes(path.read_bytes())
    with pytest.raises(SystemExit) as stopped:
        measure(["--out", str(tmp_path), "--join"])
    assert stopped.value.code == 1
    assert "are of the same network" in capsys.readouterr().err


def test_wrong_calls_end_with_2_and_missing_weights_with_1(call: list[str], tmp_path: Path):
    for wrong, code in (
        (["--examples", "129"], 2),
        (["--methods", "nothing"], 2),
        (["--weights", str(tmp_path)], 1),
        (["--data", str(tmp_path)], 1),
    ):
        with pytest.raises(SystemExit) as stopped:
            measure([*asked(call, tmp_path), *wrong])
        assert stopped.value.code == code
    with pytest.raises(SystemExit) as stopped:
        main([*call, "--kept-targets", "0.5"])
    assert stopped.value.code == 2


def test_no_weights_are_kept_unless_asked_for():
    study = Study()
    assert not study.keeps(SOURCES[0], 100, "magnitude", 0.98)
    assert not any("weights" in name for name in study.kept_methods)
    assert Study(kept_seeds=2).keeps(SOURCES[0], 101, "magnitude", 0.98)
    assert not Study(kept_seeds=2).keeps(SOURCES[0], 102, "magnitude", 0.98)
    assert not Study(kept_seeds=2).keeps(SOURCES[0], 101, "magnitude", 0.95)


def test_settings_of_hyper_parameters_have_a_row_a_network_and_are_gone_on_with(
    call: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(strips, "SETTINGS", ((2, 1), (1, 1)))
    monkeypatch.setattr(strips, "PENALTIES", (1e-12, 1e-14))
    words = "--datasets fashion_mnist --seeds 100 --pre 1 --post 1 --batch-size 64 --validation 32"
    exact = "--collecting float32 --training float32"
    own = [*call[:2], "--out", str(tmp_path), *words.split(), *exact.split()]
    strips.main(own)
    frame = pd.read_parquet(tmp_path / "lenet_stacked_strips.parquet")
    assert KINDS["strips"] <= set(frame)
    counts = frame.groupby(["n_iter", "method"]).size().to_dict()
    assert counts == {
        (2, "causal-published"): 2, (2, "causal-covariance"): 1, (2, "magnitude"): 1,
        (1, "causal-published"): 1, (1, "causal-covariance"): 1, (1, "magnitude"): 1,
    }  # fmt: skip
    fixed = frame[frame["method"] != "causal-published"]
    np.testing.assert_allclose(fixed["sparsity"], 0.98, atol=1e-4)
    assert frame.loc[frame["method"] == "causal-published", "target"].isna().all()
    capfd.readouterr()
    strips.main(own)
    assert capfd.readouterr().err == ""
