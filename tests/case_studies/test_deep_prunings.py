"""Runs of the larger networks: what is written, what is gone on with, what is judged."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from case_studies.pruning.curvature_runs import measuring
from case_studies.pruning.curvature_runs.__main__ import main as measure
from case_studies.pruning.curvature_runs.measuring import Wanted, as_model, draw_images
from case_studies.pruning.deep_runs import __main__ as command
from case_studies.pruning.deep_runs import jobs
from case_studies.pruning.deep_runs.__main__ import main
from case_studies.pruning.deep_runs.cells import Device, open_cell
from case_studies.pruning.deep_runs.design import (
    ALL,
    DENSE,
    NETWORKS,
    SOURCES,
    Network,
    Study,
    methods,
    parameters_of,
)
from case_studies.pruning.deep_runs.files import read_chain
from case_studies.pruning.deep_runs.images import network_images
from case_studies.pruning.deep_runs.timing import Measured, predict
from case_studies.pruning.kept_weights import ENDING, read_weights
from case_studies.pruning.logs import read_frames
from case_studies.pruning.stacked_runs.prepare import prepare
from case_studies.pruning.stacked_runs.sheets import read_images
from case_studies.pruning.study import analyse
from causalhyper.errors import DataError
from collectors.deep_pruning import Progress, Trained, posttrain
from collectors.networks import ResNet18
from collectors.pruning import PruningSettings
from collectors.pruning.frames import LAYERS, LOG

CHOSEN = ("magnitude", "lamp-later", "gain", "causal-covariance", "random at causal-covariance")
FREE = ("causal-published", "magnitude at causal-published")


class Narrow(Network):
    """ResNet18 with batch normalisation and four channels."""

    __slots__ = ()

    def make(self, classes: int, channels: int, side: int, rule: str | None) -> Any:
        return partial(ResNet18, classes, True, channels=channels, width=4)


NARROW = Narrow(
    "ResNet18-BN", "ResNet18", PruningSettings(n_iter=3, n_prune=2), (DENSE, *CHOSEN, *FREE)
)


def some_images(n: int, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = {"train": n, "test": n // 2}
    found = {f"x_{k}": rng.integers(0, 256, (m, *shape), np.uint8) for k, m in sizes.items()}
    return found | {f"y_{k}": np.arange(m, dtype=np.uint8) % 10 for k, m in sizes.items()}


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("deep")
    (folder / "data").mkdir()
    for name, shape in (("cifar10", (12, 12, 3)), ("fashion_mnist", (12, 12))):
        np.savez(folder / "data" / f"{name}.npz", **some_images(96, shape))
    sizes = "--pre 1 --post 3 --later 1 --batch-size 32 --validation 32 --seeds 0 1"
    sizes += " --sparsities 0.95 0.98"
    where = "--networks ResNet18-BN --datasets cifar10 --collecting float32 --training float32"
    paths = ["--data", str(folder / "data"), "--out", str(folder / "out")]
    return [*paths, *sizes.split(), *where.split()]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "NETWORKS", (NARROW,))


@pytest.fixture(scope="module")
def out(call: list[str]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "NETWORKS", (NARROW,))
        main(call)
    folder = Path(call[call.index("--out") + 1])
    main(["--out", str(folder), "--join"])
    return folder


def test_every_method_sparsity_and_seed_has_a_final_row_in_the_columns_of_prune_many(out: Path):
    runs = pd.read_parquet(out / "deep_runs.parquet")
    assert set(LOG) <= set(runs)
    assert set(LAYERS) <= set(pd.read_parquet(out / "deep_layers.parquet"))
    final = runs[runs["stage"] == "final"]
    assert not final.duplicated("run_id").any()
    counts = final.groupby("method").size().to_dict()
    assert counts == {DENSE: 2, **dict.fromkeys(CHOSEN, 6), **dict.fromkeys(FREE, 2)}
    free = final["method"].isin(FREE)
    assert final.loc[free, "target"].isna().all()
    assert final[free].groupby("seed")["sparsity"].nunique().eq(1).all()
    final = final[~free]
    assert set(final["target"]) == {0.0, 0.9117, 0.95, 0.98}
    np.testing.assert_allclose(final["sparsity"], final["target"], atol=1e-3)
    assert final.groupby("target")["sparsity"].nunique().eq(1).all()
    assert final[["validation_accuracy", "test_accuracy"]].notna().all(axis=None)
    assert runs.loc[runs["stage"] == "posttraining", "test_loss"].isna().all()


def test_the_control_keeps_as_many_of_each_layer_as_its_method(out: Path):
    layers = pd.read_parquet(out / "deep_layers.parquet")
    keys = ["target", "seed", "iteration", "layer"]
    kept = layers.set_index(["method", *keys])["kept"]
    own = kept["causal-covariance"].sort_index()
    pd.testing.assert_series_equal(kept["random at causal-covariance"].sort_index(), own)


def test_the_study_judges_them_beside_others(out: Path, tmp_path: Path):
    for path in out.glob("deep_*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    runs = pd.read_parquet(out / "deep_runs.parquet")
    third = runs[runs["seed"] == 1].assign(seed=2, run_id=lambda own: own["run_id"] + "-third")
    pd.concat([runs, third]).to_parquet(tmp_path / "deep_runs.parquet")
    study = analyse(read_frames(tmp_path))
    cell = "ResNet18-BN on CIFAR-10, the paper's rate, cut short"
    assert set(study.tables["contrasts"]["cell"]) == {cell}
    assert {claim.cell for claim in study.claims} >= {cell}
    assert set(study.tables["accuracy"]["method"]) - {*FREE} == {DENSE, *CHOSEN}
    assert set(study.frames.others) == {"layers", "overlap", "costs"}


def test_runs_that_do_not_say_their_target_keep_their_levels_beside_those_that_do(
    out: Path, tmp_path: Path
):
    runs = pd.read_parquet(out / "deep_runs.parquet")
    runs = runs[~runs["method"].isin(FREE)]
    runs.to_parquet(tmp_path / "new.parquet")
    old = runs.drop(columns="target").assign(network="LeNet")
    old.to_parquet(tmp_path / "old.parquet")
    found = read_frames(tmp_path).runs
    levels = found.groupby("network")["sparsity"].unique().map(sorted)
    assert levels["LeNet"] == levels["ResNet18-BN"]
    assert len(levels["LeNet"]) == 4


def test_a_subset_of_classes_stands_beside_the_papers_row_and_says_so(out: Path, tmp_path: Path):
    runs = pd.read_parquet(out / "deep_runs.parquet")
    runs = runs.assign(dataset="tiny_imagenet50", network="ResNet18")
    runs.to_parquet(tmp_path / "runs.parquet")
    study = analyse(read_frames(tmp_path))
    assert set(study.tables["accuracy"]["dataset"]) == {"Tiny-ImageNet (50 classes)"}
    (said,) = (s for s in study.sentences if "table 2 have runs" in s)
    assert said.startswith("1 of 9")
    listed = said.partition("nothing is said of ")[2].partition(";")[0]
    assert "AlexNet on Tiny-ImageNet" in listed
    assert "ResNet18 on Tiny-ImageNet" not in listed


@pytest.mark.usefixtures("narrow")
def test_a_second_call_does_nothing_and_other_options_are_refused(
    call: list[str], out: Path, capsys: pytest.CaptureFixture[str]
):
    main(call)
    assert capsys.readouterr().err == ""
    for wrong in (["--post", "4"], ["--sparsities", "0.95"], ["--later", "2"]):
        with pytest.raises(SystemExit) as stopped:
            main([*call, *wrong])
        assert stopped.value.code == 2
        assert "another" in capsys.readouterr().err


@pytest.mark.usefixtures("narrow")
def test_weights_that_are_kept_have_the_accuracy_of_the_final_row(call: list[str], tmp_path: Path):
    only = ["--methods", "magnitude", "dense", "--keep", "magnitude", "--seeds", "0"]
    main([*call, "--out", str(tmp_path), *only])
    kept = sorted(tmp_path.glob(f"*{ENDING}"))
    assert len(kept) == 3
    device = Device(collecting="float32", training="float32")
    study = Study(sparsities=(0.95, 0.98), batch_size=32, validation=32)
    data = Path(call[call.index("--data") + 1])
    subject = open_cell(data, NARROW, SOURCES[0], study, device, tmp_path).subject
    for path in kept:
        (network,) = read_weights(path)
        names, state = network.names, network.layout.state(network.row)
        subject.load({**subject.state(), **state})
        stage = f"magnitude-{names['target']}"
        last = final_part(tmp_path, 0, stage).iloc[-1]
        assert last["run_id"] == names["run_id"]
        found = subject.judged("test", "float32")
        np.testing.assert_allclose(
            [found.loss, found.accuracy],
            last[["test_loss", "test_accuracy"]].to_numpy(float),
            rtol=1e-6,
        )
        zeros = 1 - subject.layout.row(state).count_nonzero() / subject.layout.entries
        assert zeros.item() == pytest.approx(names["target"], abs=1e-3)
        assert (names["side"], names["channels"], names["validation"]) == (12, 3, 32)


def test_a_kept_network_is_measured_on_images_as_it_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    networks = (NARROW, next(n for n in NETWORKS if n.name == "LeNet"))
    for module in (command, measuring):
        monkeypatch.setattr(module, "NETWORKS", networks)
    data, weights, out = (tmp_path / name for name in ("data", "weights", "out"))
    data.mkdir()
    np.savez(data / "fashion_mnist.npz", **some_images(96, (16, 16)))
    sizes = "--pre 1 --post 1 --iterations 1 --collecting-epochs 1 --batch-size 64"
    which = "--networks LeNet ResNet18-BN --datasets fashion_mnist --seeds 3 --sparsities 0.9"
    how = "--without-published --validation 32 --collecting float32 --training float32"
    methods = ["--methods", "dense", "magnitude", "--keep", "dense", "magnitude"]
    options = [*sizes.split(), *which.split(), *how.split(), *methods]
    main(["--data", str(data), "--out", str(weights), *options])
    few = "--examples 64 --batch 64 --products 3 --top 1 --tolerance 0.5 --surface-methods"
    measure(["--data", str(data), "--weights", str(weights), "--out", str(out), *few.split()])
    device = Device(collecting="float32", training="float32")
    study = Study(sparsities=(0.9,), with_published=False, batch_size=64, validation=32)
    source = next(source for source in SOURCES if source.name == "fashion_mnist")
    for chosen in networks:
        frame = pd.read_parquet(out / f"{chosen.name.lower()}_flatness.parquet")
        assert set(frame["network"]) == {chosen.name}
        assert set(zip(frame["method"], frame["pruned"], frame["space"], strict=True)) == {
            (DENSE, 0.0, "network"), (DENSE, 0.0, "full"), ("magnitude", 0.9, "network"),
            ("magnitude", 0.9, "full"), ("magnitude", 0.9, "kept"),
        }  # fmt: skip
        subject = open_cell(data, chosen, source, study, device, tmp_path).subject
        found = frame[frame["quantity"] == "training_loss"].set_index("method")["value"]
        for path in weights.glob(f"{chosen.name}-*{ENDING}"):
            (network,) = read_weights(path)
            subject.load({**subject.state(), **network.layout.state(network.row)})
            loss = subject.judged("train", "float32").loss
            assert found[network.names["method"]] == pytest.approx(loss, rel=1e-5)
    (network,) = read_weights(next(weights.glob(f"LeNet-*dense*{ENDING}")))
    enlarged = replace(network, names={**network.names, "side": 24, "channels": 3})
    drawn = draw_images(data, enlarged, Wanted(examples=64, batch=64), "cpu")
    parts, _ = network_images(data, "fashion_mnist", "cpu", 64, 32, side=24, channels=3)
    trained, _ = next(iter(parts["train"]))
    assert drawn.shape == trained.shape[1:]
    means = [images.mean((1, 2, 3)).sort().values for images in (drawn.batches[0][0], trained)]
    torch.testing.assert_close(*means)
    with pytest.raises(DataError, match="expected those of LeNet"):
        as_model(enlarged, drawn)
    with pytest.raises(DataError, match="is a VGG; expected one of ResNet18-BN, LeNet"):
        as_model(replace(network, names={**network.names, "network": "VGG"}), drawn)


def final_part(out: Path, seed: int, stage: str) -> pd.DataFrame:
    frame = pd.read_parquet(out / f"ResNet18-BN-cifar10-s{seed}-{stage}-log.parquet")
    return frame.drop(columns="seconds")


@pytest.mark.usefixtures("narrow")
def test_the_strong_protocol_takes_each_methods_best_rate_of_other_seeds(
    call: list[str], out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for path in out.glob("ResNet18-BN-cifar10*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    again = [*call, "--out", str(tmp_path), "--tuning-seeds", "5", "--rates", "5e-4", "5e-2"]
    with pytest.raises(SystemExit) as stopped:
        main([*again, "--stages", "strong"])
    assert stopped.value.code == 1
    assert "run the stage tuning first" in capsys.readouterr().err
    main([*again, "--stages", "tuning"])
    owned = [m for m in CHOSEN if not m.startswith("random")]
    best = dict.fromkeys([DENSE, *owned], 5e-4) | {"gain": 5e-2, DENSE: 5e-2}
    for path in tmp_path.glob("*-tuning-*-log.parquet"):
        log = pd.read_parquet(path)
        right = best[log["method"].iloc[0]] == log["rate"].iloc[0]
        log.assign(validation_accuracy=0.4 + 0.2 * right).to_parquet(path)
    main([*again, "--stages", "strong"])
    main(["--out", str(tmp_path), "--join"])
    runs = pd.read_parquet(tmp_path / "deep_runs.parquet")
    final = runs[runs["stage"] == "final"]
    assert not final.duplicated("run_id").any()
    tried = final[final["protocol"] == "tuning"]
    strong = final[final["protocol"] == "strong"]
    assert tried.groupby("method").size().to_dict() == dict.fromkeys([DENSE, *owned], 2)
    assert set(tried["seed"]) == {5}
    assert set(tried["target"]) == {0.0, 0.98}
    assert set(runs.loc[runs["protocol"] == "tuning", "stage"]) == {"posttraining", "final"}
    assert (strong["rate"] == strong["method"].map(best)).all()
    assert strong.groupby("method").size().to_dict() == {DENSE: 2, **dict.fromkeys(owned, 6)}
    # at the paper's rate it is the paper's network, which is not trained twice
    keys = ["method", "seed", "target"]
    paper = final[final["protocol"] == "paper"].set_index(keys)
    for key, row in strong.set_index(keys).iterrows():
        for column in ("test_loss", "seconds"):
            assert (row[column] == paper.loc[key, column]) == (row["rate"] == 5e-4)
    copied = runs[(runs["protocol"] == "strong") & (runs["rate"] == 5e-4)]
    assert set(copied["stage"]) >= {"pretraining", "posttraining", "final"}
    (tmp_path / "joined").mkdir()
    for path in tmp_path.glob("deep_*.parquet"):
        path.rename(tmp_path / "joined" / path.name)
    study = analyse(read_frames(tmp_path / "joined"))
    assert "ResNet18-BN on CIFAR-10, post-training tuned for each method" in study.frames.cells()
    assert not study.tables["layers"].empty
    for wrong in (["--rates", "5e-4"], ["--seeds", "5", "--tuning-seeds", "6"]):
        with pytest.raises(SystemExit) as stopped:
            main([*again, *wrong, "--stages", "strong"])
        assert stopped.value.code == 2
    with pytest.raises(SystemExit) as stopped:
        main([*again, "--seeds", "5", "--tuning-seeds", "6"])
    assert "both one of the table and of the tuning" in capsys.readouterr().err


@pytest.mark.usefixtures("narrow")
def test_seconds_of_a_chain_that_goes_on_are_added_and_the_tunings_stand_apart(
    call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ticks = count()
    clock = SimpleNamespace(perf_counter=lambda: next(ticks), monotonic=time.monotonic)
    monkeypatch.setattr(jobs, "time", clock)  # whatever is watched lasts a second
    only = ["--methods", "magnitude", "--seeds", "1", "--tuning-seeds", "5", "--rates", "1e-3"]
    again = [*call, "--out", str(tmp_path), *only]
    linked, done = jobs.next_link, count(1)

    def dies(*args: Any, **options: Any) -> Any:
        if next(done) == 3:
            raise KilledError
        return linked(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "next_link", dies)
        with pytest.raises(KilledError):
            main(again)
    main(again)
    (path,) = tmp_path.glob("*-s1-magnitude-pruning-seconds.parquet")
    (masks,) = tmp_path.glob("*-s1-magnitude-masks.npz")
    links = read_chain(masks, torch.device("cpu")).iteration
    assert links == 3
    assert pd.read_parquet(path)["seconds"].item() == links
    main([*again, "--stages", "tuning"])
    frames = [pd.read_parquet(path) for path in tmp_path.glob("*-s5-*-seconds.parquet")]
    stages = set(pd.concat(frames)["stage"])
    assert stages == {f"tuning: {part}" for part in ("pretraining", "pruning", "post-training")}


@pytest.mark.usefixtures("narrow")
def test_a_strong_training_that_is_stopped_goes_on_at_its_rate(
    call: list[str], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for path in out.glob("ResNet18-BN-cifar10*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    only = ["--methods", "magnitude", "--seeds", "1", "--checkpoint-seconds", "0"]
    again = [*call, "--out", str(tmp_path), "--tuning-seeds", "5", "--rates", "5e-2", *only]
    main([*again, "--stages", "tuning"])
    stages = [*again, "--stages", "strong"]
    whole = tmp_path / "whole"
    whole.mkdir()
    for path in tmp_path.glob("ResNet18-BN-cifar10*"):
        (whole / path.name).write_bytes(path.read_bytes())
    main([*stages, "--out", str(whole)])
    written = jobs.write_progress

    def dies(*args: Any) -> None:
        written(*args)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "write_progress", dies)
        with pytest.raises(KilledError):
            main(stages)
    assert len(list(tmp_path.glob("*-checkpoint.pt"))) == 1
    main(stages)
    assert not list(tmp_path.glob("*-checkpoint.pt"))
    for share in (0.9117, 0.95, 0.98):
        name = f"strong-magnitude-{share}"
        found, expected = (final_part(folder, 1, name) for folder in (tmp_path, whole))
        pd.testing.assert_frame_equal(found, expected)
        assert set(found["rate"]) == {5e-2}


@pytest.mark.usefixtures("narrow")
def test_wrong_tunings_end_with_2(call: list[str], tmp_path: Path):
    for wrong in (["--tuning-seeds", "0"], ["--stages", "tuning", "--tuned-at", "0.9"]):
        with pytest.raises(SystemExit) as stopped:
            main([*call, "--out", str(tmp_path), *wrong])
        assert stopped.value.code == 2


class KilledError(Exception):
    """A process that ends at once."""


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    ("at", "calls"), [("write_chain", 1), ("write_chain", 6), ("write_progress", 2)]
)
def test_what_is_stopped_goes_on_to_the_same_numbers(
    at: str,
    calls: int,
    call: list[str],
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    wanted: Callable[..., None] = getattr(jobs, at)
    done = 0

    def dies(*args: Any) -> None:
        nonlocal done
        wanted(*args)
        done += 1
        if done == calls:
            raise KilledError

    again = [*call, "--seeds", "1", "--out", str(tmp_path), "--checkpoint-seconds", "0"]
    with monkeypatch.context() as patch:
        patch.setattr(jobs, at, dies)
        with pytest.raises(KilledError):
            main(again)
    begun: list[int] = []

    def seen(*args: Any, progress: Progress | None, **options: Any) -> Trained:
        begun.append(progress.epoch if progress else 0)
        return posttrain(*args, progress=progress, **options)

    monkeypatch.setattr(jobs, "posttrain", seen)
    main(again)
    assert begun == [2 if at == "write_progress" else 0] + [0] * (3 * len(CHOSEN) + len(FREE))
    assert not list(tmp_path.glob("*-checkpoint.pt"))
    last = [*(f"{m}-0.98" for m in CHOSEN), *(f"{m}-auto" for m in FREE)]
    for stage in ("dense-0.0", *(name.replace(" ", "_") for name in last)):
        pd.testing.assert_frame_equal(final_part(tmp_path, 1, stage), final_part(out, 1, stage))


@pytest.mark.usefixtures("narrow")
def test_a_damaged_file_says_which_it_is(call: list[str], out: Path, tmp_path: Path):
    for name in ("pretrained.pt", "magnitude-masks.npz"):
        (tmp_path / f"ResNet18-BN-cifar10-s0-{name}").write_bytes(b"nothing")
        with pytest.raises(SystemExit) as stopped:
            main([*call, "--out", str(tmp_path)])
        assert stopped.value.code == 1
        (tmp_path / f"ResNet18-BN-cifar10-s0-{name}").unlink()


@pytest.mark.usefixtures("narrow")
def test_measuring_tells_minutes_by_method_and_in_all(
    call: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    main([*call, "--out", str(tmp_path), "--measure"])
    lines = capsys.readouterr().out.splitlines()
    for name in (*CHOSEN, *FREE):
        assert any(line.startswith(f"    {name}: ") for line in lines)
    assert lines[-1].startswith("all cells: ")
    assert not list(tmp_path.iterdir())


def test_the_plan_adds_up_steps(call: list[str], tmp_path: Path):
    study = Study(
        sparsities=(0.95, 0.98),
        batch_size=32,
        validation=32,
        later=5,
        changes={"n_post": 7, "n_pre": 2},
    )
    data = Path(call[call.index("--data") + 1])
    device = Device(collecting="float32", training="float32")
    cell = open_cell(data, NARROW, SOURCES[0], study, device, tmp_path)
    study = replace(study, tuned_at=0.95)
    cell = replace(cell, study=study)
    steps = {"train": 1.0, "none": 10.0, "fresh": 100.0, "same": 1e3, "next": 2e4, "first": 1e4}
    found = predict(cell, Measured(steps, 0.0, 0.0))
    assert cell.steps == 2
    assert found.shared == 2 * 2 + 2 * 2 * 1e4 + 5 * 2
    assert found.pruning["causal-covariance"] == 2 * 2 * 2 * 1e3
    assert found.pruning["gain"] == 2 * 2 * 2 * 100
    assert found.pruning["causal-published"] == 2 * 2 * 2 * 2e4
    assert found.pruning["lamp-later"] == 2 * 5 * 2
    assert found.pruning["magnitude"] == found.pruning["random at causal-covariance"] == 0
    assert (found.networks, found.training) == (18, 14)
    assert found.total == found.shared + 8e3 + 800 + 20 + 16e4 + 18 * 14
    assert (found.tuning_networks, found.strong_networks) == (5 * 4, 4 * 3 + 1)
    # 95% is reached after two of three iterations
    assert found.tuning_pruning == found.shared + 4e3 + 400 + 10


def test_wrong_calls_end_with_2(call: list[str], tmp_path: Path):
    for wrong in (["--methods", "random at causal-covariance"], ["--methods", "best"]):
        with pytest.raises(SystemExit) as stopped:
            main([*call, "--out", str(tmp_path), "--networks", "LeNet", *wrong])
        assert stopped.value.code == 2


def test_networks_have_the_papers_parameters_and_the_methods_are_known():
    expected = {"ResNet18": 11_169_162, "AlexNet": 57_044_810, "LeNet": 657_080}
    for network in NETWORKS:
        assert set(network.methods) <= {DENSE, *methods(100, 1e-14)}
        if network.name in expected:
            with torch.device("meta"):
                model = network.make(10, 3, network.side or 32, None)()
            assert parameters_of(model) == expected[network.name]
            images = torch.zeros(2, 3, *[network.side or 32] * 2, device="meta")
            assert model(images).shape == (2, 10)
    assert set(ALL) == {DENSE, *methods(100, 1e-14)}
    lenet = next(n for n in NETWORKS if n.name == "LeNet")
    assert parameters_of(lenet.make(200, 3, 64, None)()) == 3_177_710


def test_the_control_is_shifted_within_a_short_stage():
    assert methods(60, 1e-14)["causal-covariance-shifted"].criterion.shift == 30  # type: ignore[attr-defined]


def test_images_are_enlarged_between_their_pixels_and_grey_ones_repeated(call: list[str]):
    data = Path(call[call.index("--data") + 1])
    plain, classes = network_images(data, "fashion_mnist", "cpu", 16, 32)
    large, _ = network_images(data, "fashion_mnist", "cpu", 16, 32, side=24, channels=3)
    assert classes == 10
    (small, y), (wide, same) = next(iter(plain["test"])), next(iter(large["test"]))
    assert (small.shape, wide.shape) == ((16, 1, 12, 12), (16, 3, 24, 24))
    assert torch.equal(y, same)
    # of four new pixels around a corner of old ones each is 9, 3, 3 and 1 sixteenths of them
    a, b, c, d = (small[:, 0, i, j] for i in (4, 5) for j in (7, 8))
    expected = (9 * a + 3 * b + 3 * c + d) / 16
    for channel in range(3):
        torch.testing.assert_close(wide[:, channel, 9, 15], expected)
    assert len(large["train"]) == len(plain["train"]) == 4


def test_jpeg_files_are_carried_as_they_are_and_decoded_to_the_same_pixels(tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    import io

    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    expected = {}
    for part, size in (("train", 2600), ("test", 3)):
        files, pixels = [], []
        for at in range(size):
            stream = io.BytesIO()
            shape = (6, 8) if at % 7 == 0 else (6, 8, 3)
            image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(stream, "JPEG")
            files.append(np.frombuffer(stream.getvalue(), np.uint8))
            pixels.append(np.asarray(image.open(stream).convert("RGB")))
        arrays[f"x_{part}_jpeg"] = np.concatenate(files)
        arrays[f"x_{part}_offsets"] = np.cumsum([0, *map(len, files)])
        arrays[f"y_{part}"] = np.arange(size, dtype=np.uint8)
        expected[part] = np.stack(pixels)
    np.savez(tmp_path / "whole.npz", **arrays)
    size = len(arrays["x_train_jpeg"]) / 1e6
    pieces = prepare(tmp_path / "whole.npz", "some", tmp_path, [0.97 * size, 1])
    assert len(pieces) == 2
    found = read_images(tmp_path, "some")
    for part, pixels in expected.items():
        np.testing.assert_array_equal(found[f"x_{part}"], pixels)
        np.testing.assert_array_equal(found[f"y_{part}"], arrays[f"y_{part}"])
    with pytest.raises(DataError, match="shape"):
        read_images_of(tmp_path, (5, 8, 3))


def read_images_of(folder: Path, shape: tuple[int, ...]) -> None:
    first = folder / "some-1.npz"
    with np.load(first) as held:
        arrays = {**held, "shape": np.array(shape)}
    np.savez(first, **arrays)
    read_images(folder, "some")


def test_the_default_lengths_leave_room_for_every_sparsity():
    study = Study()
    for network in NETWORKS:
        for source in SOURCES:
            found = study.ladder(network, source, network.settings)
            assert set(found.stops) == {0.95, 0.98, 0.99, source.published[network.cell]}
            # no share is asked of the first iteration, which has seen nothing pruned
            assert min(found.stops.values()) > 1
    assert replace(study, with_published=False).ladder(
        NETWORKS[0], SOURCES[0], NETWORKS[0].settings
    ).stops.keys() == {0.95, 0.98, 0.99}
