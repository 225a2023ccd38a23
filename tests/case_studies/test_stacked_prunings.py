"""The stacked pruning runs: what is written, what is gone on with, what is tuned."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from case_studies.pruning.logs import read_frames
from case_studies.pruning.stacked_runs import __main__ as command
from case_studies.pruning.stacked_runs import design, jobs, timing
from case_studies.pruning.stacked_runs.__main__ import main
from case_studies.pruning.stacked_runs.cells import Cell, Device, open_cell
from case_studies.pruning.stacked_runs.choosing import fastest
from case_studies.pruning.stacked_runs.design import SOURCES, Study, methods, strong_methods
from case_studies.pruning.stacked_runs.joining import join
from case_studies.pruning.stacked_runs.planning import minutes
from case_studies.pruning.stacked_runs.profiling import STAGES as PROFILED
from case_studies.pruning.stacked_runs.sheets import read_images, sheets_of, write_pieces
from case_studies.pruning.stacked_runs.timing import Measured, measure
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.pruning import paired_differences
from collectors.ensembles.pruning import stacked_network
from collectors.ensembles.pruning.networks import StackedNetwork
from collectors.pruning import PruningSettings, PruningTask
from collectors.pruning.frames import LAYERS, LOG

FEW = ("causal-covariance", "causal-published-1e-14", "magnitude", "magnitude-later")


def few_methods(chosen: str) -> tuple:
    names = (*FEW, *(f"random at {name}" for name in FEW))
    return tuple(m for m in methods(chosen) if m.name in names)


def some_images(n: int, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = {"train": n, "test": n // 2}
    found = {f"x_{k}": rng.integers(0, 256, (m, *shape), np.uint8) for k, m in sizes.items()}
    return found | {f"y_{k}": rng.integers(0, 10, m).astype(np.uint8) for k, m in sizes.items()}


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("stacked")
    (folder / "data").mkdir()
    np.savez(folder / "data" / "fashion_mnist.npz", **some_images(160, (16, 16)))
    sizes = "--pre 1 --iterations 4 --collecting-epochs 1 --post 2 --batch-size 64 --validation 32"
    seeds = "--seeds 100 101 --tuning-seeds 200 --datasets fashion_mnist"
    exact = "--collecting float32 --training float32"
    where = ["--data", str(folder / "data"), "--out", str(folder / "out")]
    return [*where, *sizes.split(), *seeds.split(), *exact.split()]


@pytest.fixture(scope="module")
def out(call: list[str]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "methods", few_methods)
        main([*call, "--stages", "main", "overlaps", "tuning", "strong"])
    folder = Path(call[call.index("--out") + 1])
    main(["--out", str(folder), "--join"])
    return folder


@pytest.fixture(scope="module")
def runs(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "lenet_stacked_runs.parquet")


def test_every_method_sparsity_and_seed_has_a_final_row_in_the_columns_of_prune_many(
    out: Path, runs: pd.DataFrame
):
    assert set(LOG) <= set(runs)
    layers = pd.read_parquet(out / "lenet_stacked_layers.parquet")
    assert set(LAYERS) <= set(layers)
    paper = runs[(runs["stage"] == "final") & (runs["protocol"] == "paper")]
    assert not paper.duplicated("run_id").any()
    counts = paper.groupby("method")["run_id"].size()
    shares = {*Study().sparsities, SOURCES[0].published}
    assert counts["dense"] == 2
    assert counts["causal-published-1e-14"] == counts["random at causal-published-1e-14"] == 2
    assert counts["magnitude"] == counts["random at causal-covariance"] == 2 * len(shares)
    asked = paper.dropna(subset="target")
    np.testing.assert_allclose(asked["sparsity"], asked["target"], atol=1e-4)
    assert paper[["validation_accuracy", "test_accuracy"]].notna().all(axis=None)


def test_a_ladder_of_sparsities_of_the_same_seeds_stands_beside_the_table(
    call: list[str], out: Path, tmp_path: Path
):
    many = ["--protocol", "ladder", "--sparsities", "0.9", "0.98", "0.995", "--without-published"]
    again = [*call, "--out", str(tmp_path), *many, "--methods", "magnitude", "random"]
    main([*again, "--stages", "main"])
    main(["--out", str(tmp_path), "--join"])
    both = tmp_path / "both"
    both.mkdir()
    for kind in ("runs", "layers"):
        name = f"lenet_stacked_{kind}.parquet"
        assert set(pd.read_parquet(tmp_path / name)["protocol"]) == {"ladder"}
        (both / f"ladder_{kind}.parquet").write_bytes((tmp_path / name).read_bytes())
        (both / name).write_bytes((out / name).read_bytes())
    cells = read_frames(both).cells()
    own = cells["LeNet on FashionMNIST, the paper's rate, many sparsities"]
    assert set(own["sparsity"]) == {0.0, 0.9, 0.98, 0.995}
    assert "LeNet on FashionMNIST, the paper's rate, cut short" in cells


def test_larger_images_of_more_classes_get_the_papers_network_and_their_own_validation_data(
    tmp_path: Path,
):
    images = some_images(2_064, (64, 64, 3))
    images["y_train"] = np.arange(2_064) % 50
    np.savez(tmp_path / "tiny_imagenet50.npz", **images)
    source = next(s for s in SOURCES if s.name == "tiny_imagenet50")
    cell = open_cell(tmp_path, source, Study(batch_size=32), Device(), tmp_path)
    shapes = cell.stack.network.layout.shapes
    assert shapes["conv2.weight"] == (50, 20, 7, 7)
    assert shapes["fc2.weight"] == (50, 500)
    assert cell.study.validation == len(cell.stack.task.validation.images) == 2_000
    assert len(cell.stack.task.train) == 2
    rows = cell.stack.network.layout.row(cell.stack.task.new_model().state_dict())[None]
    inputs, _ = next(iter(cell.stack.task.test))
    assert cell.stack.network.outputs(rows, inputs, "float32").shape == (1, 32, 50)


def test_sparsities_of_methods_are_equal_and_the_core_compares_them(runs: pd.DataFrame):
    final = runs[(runs["stage"] == "final") & (runs["protocol"] == "paper")]
    at = final[final["target"] == 0.98]
    assert at["sparsity"].nunique() == 1
    found = paired_differences(at, baseline="magnitude", test_size=80).summary()
    assert all(f"\n{name} " in found for name in {*at["method"]} - {"magnitude"})


def test_controls_have_the_layer_counts_of_their_method(out: Path):
    layers = pd.read_parquet(out / "lenet_stacked_layers.parquet")
    keys = ["target", "seed", "iteration", "layer"]
    kept = layers.set_index(["method", *keys])["kept"]
    for name in ("causal-covariance", "causal-published-1e-14"):
        pd.testing.assert_series_equal(kept[f"random at {name}"], kept[name])


def test_the_strong_protocol_takes_each_methods_best_rate_of_other_seeds(
    runs: pd.DataFrame, out: Path
):
    final = runs[runs["stage"] == "final"]
    tuning = final[final["protocol"] == "tuning"]
    assert set(tuning["seed"]) == {200}
    assert set(tuning["rate"]) == set(Study().rates)
    stages = {path: set(pd.read_parquet(path)["stage"]) for path in out.glob("*-seconds.parquet")}
    masks = [stages[path] for path in stages if path.name.endswith("s200-main-seconds.parquet")]
    assert masks == [{"tuning: pruning"}]
    strong = final[final["protocol"] == "strong"]
    assert set(strong["target"]) == {0.0, *Study().strong_sparsities}
    assert not strong["method"].str.contains(" at |published").any()
    for method, rows in strong.groupby("method"):
        tried = tuning[tuning["method"] == method].sort_values("rate")
        best = tried.loc[tried["validation_accuracy"].idxmax(), "rate"]
        assert set(rows["rate"]) == {best}


def test_parts_are_joined_before_masks_were_compared(out: Path, tmp_path: Path):
    for path in out.glob("*-s100-main-*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    names = [path.name for path in join(tmp_path)]
    assert names == [f"lenet_stacked_{kind}.parquet" for kind in ("runs", "layers", "seconds")]
    with pytest.raises(DataError, match="without --join first"):
        join(tmp_path / "nothing")


def test_what_is_collected_later_is_the_same_criterion_after_ten_epochs():
    named = {m.name: m for m in methods("main")}
    for name in ("causal-covariance", "fisher", "gain"):
        own, later = named[name], named[f"{name}-later"]
        assert (own.more, later.more) == (0, 10)
        assert replace(later.criterion, name=own.name) == own.criterion
        assert later in strong_methods(methods("main"))
    assert all(m.counts_of is None and not m.free for m in strong_methods(methods("main")))


def test_a_method_that_was_not_tuned_has_no_strong_protocol(call: list[str], tmp_path: Path):
    words = [*call, "--out", str(tmp_path), "--seeds", "100", "--sparsities", "0.98"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "methods", few_methods)
        main([*words, "--stages", "main", "tuning"])
        path = tmp_path / "fashion_mnist-s200-tuning-log.parquet"
        log = pd.read_parquet(path)
        log[log["method"] != "magnitude-later"].to_parquet(path)
        with pytest.raises(SystemExit):
            main([*words, "--stages", "strong"])
    assert not list(tmp_path.glob("*strong*"))


def test_a_method_alone_is_joined_without_overlaps(call: list[str], tmp_path: Path):
    words = [*call, "--out", str(tmp_path), "--seeds", "100", "--sparsities", "0.98"]
    main([*words, "--without-published", "--methods", "lamp", "--stages", "main", "overlaps"])
    names = [path.name for path in join(tmp_path)]
    assert names == [f"lenet_stacked_{kind}.parquet" for kind in ("runs", "layers", "seconds")]


def test_overlaps_of_masks_are_counted_by_layer(out: Path):
    found = pd.read_parquet(out / "lenet_stacked_overlaps.parquet")
    assert (found["both"] <= found[["kept", "kept_other"]].min(axis=1)).all()
    same = found[(found["method"] == "causal-covariance") & (found["seed"] == 100)]
    control = same[same["other"] == "random at causal-covariance"]
    assert (control["kept"] == control["kept_other"]).all()
    assert len(control) == 4 * 4


def test_a_second_call_does_nothing_and_a_missing_part_is_made_anew_to_the_same_numbers(
    call: list[str], out: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "methods", few_methods)
    main([*call, "--stages", "main"])
    assert capfd.readouterr().err == ""
    path = out / "fashion_mnist-s101-main-log.parquet"
    before = pd.read_parquet(path)
    path.unlink()
    main([*call, "--stages", "main"])
    assert "seed 101 main: post-training" in capfd.readouterr().err
    again = pd.read_parquet(path)
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), before.drop(columns="seconds"))


def test_chosen_methods_are_pruned_with_their_controls_and_no_others(
    call: list[str], tmp_path: Path
):
    names = ["causal-covariance", "random"]
    words = [*call, "--seeds", "100", "--stages", "main", "--methods", *names]
    main([*words, "--out", str(tmp_path), "--sparsities", "0.98"])
    found = set(pd.read_parquet(tmp_path / "fashion_mnist-s100-main-log.parquet")["method"])
    controls = {"random at causal-covariance", "magnitude at causal-covariance"}
    assert found == {"dense", *names} | controls


@pytest.fixture
def cell(call: list[str], tmp_path: Path) -> Cell:
    study = Study(
        seeds=(100, 101),
        tuning_seeds=(200,),
        batch_size=64,
        validation=32,
        settings=PruningSettings(n_pre=1, n_iter=4, n_prune=1, n_post=2),
    )
    device = Device(collecting="float32", training="float32", at_once=4)
    folder = Path(call[call.index("--data") + 1])
    return open_cell(folder, SOURCES[0], study, device, tmp_path)


def test_the_plan_counts_the_networks_that_every_protocol_trains(
    cell: Cell, runs: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(design, "methods", few_methods)
    final = runs[runs["stage"] == "final"]
    trained = final.groupby("protocol").size()
    one = minutes(cell, Measured(4, 60.0), Measured(1, 60.0))  # a minute a step
    epochs, steps = 2, 2
    assert one.training == pytest.approx(1.1 * epochs * steps * trained["paper"])
    assert one.strong == pytest.approx(1.1 * epochs * steps * trained["strong"])
    iterations = max(runs.loc[runs["protocol"] == "paper", "iteration"])
    assert one.pruning == pytest.approx(1.05 * 2 * iterations * steps)
    short = max(runs.loc[(runs["protocol"] == "strong") & (runs["target"] == 0.98), "iteration"])
    pruning = 1.05 * short * steps
    assert one.tuning == pytest.approx(pruning + 1.1 * epochs * steps * trained["tuning"])
    twice = minutes(cell, Measured(2, 60.0), Measured(1, 60.0))  # four collect, two at a time
    assert twice.pruning == pytest.approx(2 * one.pruning)


def test_engines_that_fail_or_compute_something_else_are_not_chosen(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
):
    def wrong(task: PruningTask, engine: str) -> StackedNetwork:
        network = stacked_network(task, "conv-loop")
        if engine != "wrong":
            return network
        return replace(network, forward=lambda p, x: network.forward(p, x.flip(0)))

    assert "needs a GPU" in measure(cell, "fused", "training").failure
    monkeypatch.setattr(timing, "stacked_network", wrong)
    monkeypatch.setattr(timing, "STEPS", 2)
    assert "off by" in measure(cell, "wrong", "collecting").failure
    told: list[str] = []
    choice = fastest(cell, ("wrong", "conv-loop"), told.append)
    assert (choice.collecting, choice.training) == ("conv-loop", "conv-loop")
    assert sum("conv-loop" in line and "ready in" in line for line in told) >= 2
    with pytest.raises(ConfigurationError, match="none of the engines"):
        fastest(cell, ("wrong",), told.append)


def test_auto_chooses_once_and_a_profile_tells_of_every_stage(
    call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "LIKELY", ("conv-loop", "fused"))
    path = tmp_path / "profile.txt"
    words = [*call, "--out", str(tmp_path), "--methods", "movement", "--engine", "auto"]
    main([*words, "--profile", str(path)])
    heads = [line for line in path.read_text().splitlines() if "ms a step" in line]
    assert [line.split(", ")[1].split(":")[0] for line in heads] == list(PROFILED)
    chosen = tmp_path / "fashion_mnist-engine.txt"
    assert chosen.read_text().split()[:2] == ["conv-loop", "conv-loop"]
    chosen.write_text("conv-unfold conv-loop 5")
    cells = command._cells(command._parser().parse_args(words))
    again = command._with_fastest(cells[0])
    assert again.of_seed(100).at_once == 5
    assert again.of_seed(100).network is again.trainer
    fewer = command._cells(command._parser().parse_args([*words, "--at-once", "3"]))
    assert command._with_fastest(fewer[0]).stack.at_once == 3
    assert again.of_seed(100, collecting=True).network is not again.trainer


def test_wrong_calls_end_with_2_and_missing_data_with_1(call: list[str], tmp_path: Path):
    for wrong, code in (
        (["--tuning-seeds", "100"], 2),
        (["--tuned-at", "0.5"], 2),
        (["--strong-sparsities", "0.9"], 2),
        (["--data", str(tmp_path)], 1),
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*call, *wrong])
        assert stopped.value.code == code


@pytest.mark.parametrize("shape", [(9, 9), (8, 6, 3)])
def test_images_in_pieces_are_read_back_as_they_were(shape: tuple[int, ...], tmp_path: Path):
    pytest.importorskip("PIL")
    arrays = some_images(3000, shape)
    head = {"y_train": arrays["y_train"], "y_test": arrays["y_test"], "shape": np.array(shape)}
    paths = write_pieces(sheets_of(arrays), head, tmp_path, "some", [1, 1])
    assert [path.name for path in paths] == ["some-1.npz", "some-2.npz"]
    found = read_images(tmp_path, "some")
    for name, expected in arrays.items():
        np.testing.assert_array_equal(found[name], expected)
    paths[1].unlink()
    with pytest.raises(DataError, match="all pieces"):
        read_images(tmp_path, "some")


def test_the_planned_table_has_fresh_seeds_and_every_method_of_the_issue():
    study = Study()
    assert study.seeds == (100, 101, 102, 103, 104)
    assert not set(study.seeds) & set(study.tuning_seeds)
    names = [m.name for chosen in ("main", "lasso") for m in methods(chosen)]
    assert len(names) == len(set(names))
    for source in SOURCES:
        found = study.ladder(source)
        assert set(found.stops) == {0.95, 0.98, 0.99, source.published}
        assert max(study.ladder(source, tuning=True).stops) == study.tuned_at


def test_the_script_for_one_gpu_does_all_stages_and_joins_them(call: list[str], tmp_path: Path):
    script = Path(command.__file__).parents[1] / "lenet_on_one_gpu.sh"
    sizes = call[call.index("--pre") : call.index("--seeds")]
    few = "--tuning-seeds 200 --sparsities 0.98 --methods magnitude --without-published"
    exact = call[call.index("--collecting") :]
    words = ["bash", str(script), call[1], str(tmp_path / "out"), *sizes, *few.split(), *exact]
    chosen = {"DATASETS": "fashion_mnist", "SEEDS": "100", "PYTHON": sys.executable}
    subprocess.run(words, env={**os.environ, **chosen}, cwd=tmp_path, check=True)
    runs = pd.read_parquet(tmp_path / "out" / "lenet_stacked_runs.parquet")
    final = runs[runs["stage"] == "final"]
    assert {"causal-lasso", "magnitude", "dense"} <= set(final["method"])
    assert set(final["protocol"]) == {"paper", "tuning", "strong"}
    assert (tmp_path / "out" / "lenet_stacked_overlaps.parquet").exists()
    words[2] = str(tmp_path / "nothing")
    words[3] = str(tmp_path / "other")
    failed = subprocess.run(
        words, env={**os.environ, **chosen}, cwd=tmp_path, check=False, stderr=subprocess.PIPE
    )
    assert failed.returncode == 1
    assert b"expected fashion_mnist.npz" in failed.stderr
