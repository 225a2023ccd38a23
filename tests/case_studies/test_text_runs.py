"""The study's text runs, on tiny encoders and texts drawn at random."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from case_studies.batch_size.text_runs.__main__ import collect, main
from case_studies.batch_size.text_runs.design import (
    ARMS,
    RECIPES,
    Recipe,
    Source,
    Study,
    added_share,
    noise_factor,
)
from case_studies.batch_size.text_runs.ends import geometry, log_spectral_product
from case_studies.batch_size.text_runs.jobs import part_file, tuned_rates
from case_studies.batch_size.text_runs.joining import COLUMNS, cell_runs, join
from case_studies.batch_size.text_runs.networks import (
    Network,
    initial_parameters,
    weighted_gradients,
)
from case_studies.batch_size.text_runs.prepare import prepare
from case_studies.batch_size.text_runs.stacks import (
    Cell,
    Member,
    Stack,
    added_weights,
    minibatches,
    noise_partition,
    study_stack,
)
from case_studies.batch_size.text_runs.texts import (
    Texts,
    draw_parts,
    flip_labels,
    load_encoder,
    load_texts,
)
from case_studies.batch_size.text_runs.trajectories import Trajectory
from case_studies.batch_size.text_runs.updates import StackedAdamW, ascended, update
from causalhyper.errors import ConfigurationError, DataError
from collectors.ensembles.stacked_transformers import EncoderShape

pytest.importorskip("transformers")

TOKENS = 6
STUDY = Study(
    seeds=(0, 1),
    tuning_seeds=(1000,),
    batch_sizes=(4, 16),
    n_train=32,
    n_validation=10,
    n_test=20,
    noise_examples=16,
    noise_batch=4,
    sharpness_examples=8,
    products=3,
    together=20,
)
RECIPE = Recipe(
    "tiny",
    EncoderShape(layers=1, heads=2, first_position=1),
    width=8,
    inner=16,
    pretrained=False,
    epochs=1,
    updates=4,
    rate=1e-3,
    rates=(1e-3, 3e-3),
    check_every=2,
)


def some_texts(classes: int = 2) -> Texts:
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 20, (90, TOKENS))
    ids[np.arange(TOKENS) >= rng.integers(2, TOKENS + 1, (90, 1))] = 0
    split = np.repeat([0, 1, 2], [50, 15, 25]).astype(np.uint8)
    labels = torch.from_numpy((ids % 5 == 0).sum(1) % classes)
    return Texts(torch.from_numpy(ids), labels, split, classes, np.arange(20))


@pytest.fixture(scope="module")
def cell() -> Cell:
    return Cell(Source("fake", "", TOKENS), RECIPE, STUDY, some_texts(), None, half=False)


@pytest.fixture(scope="module")
def collected(cell: Cell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("parts")
    collect([cell], out, ARMS)
    return out


def trained_alone(cell: Cell, member: Member, batch_size: int, flipped: bool) -> dict[str, Tensor]:
    """One member by torch.optim.AdamW and whole minibatches."""
    parts = draw_parts(cell.texts, cell.study, [member.seed], [flipped])
    start = initial_parameters(cell.recipe, cell.texts, None, [member.seed])
    leaves = {k: p.clone().requires_grad_() for k, p in start.items()}
    optimizer = torch.optim.AdamW(leaves.values(), lr=member.rate, weight_decay=0.01)
    stack = Stack(batch_size, (member,), batch_size)
    for order, _ in minibatches(stack, cell.study.n_train):
        optimizer.zero_grad()
        Network(cell.recipe.shape).loss(leaves, *parts.batch(order)).sum().backward()
        optimizer.step()
    return {k: p.detach() for k, p in leaves.items()}


def test_a_member_of_a_stack_is_what_adamw_alone_makes_of_it(cell: Cell):
    members = (
        Member(0, "plain", 1e-3, 6),
        Member(1, "plain", 1e-3, 6),
        Member(0, "tuned", 3e-3, 3),
        Member(1, "label_noise", 1e-3, 3),
    )
    trajectory = Trajectory(cell, Stack(16, members, 16))
    assert len(list(trajectory.advance())) == 6
    for place, member in enumerate(members):
        alone = trained_alone(cell, member, 16, flipped=member.arm == "label_noise")
        for name, parameter in trajectory.parameters.items():
            torch.testing.assert_close(parameter[place], alone[name][0], rtol=1e-4, atol=2e-6)


def test_gradients_in_parts_are_those_of_the_whole_minibatch(cell: Cell):
    parts = draw_parts(cell.texts, STUDY, [0, 1], [False, False])
    parameters = initial_parameters(RECIPE, cell.texts, None, [0, 1])
    order = torch.arange(32).expand(2, 32)
    weights = torch.randn(2, 32, generator=torch.Generator().manual_seed(1))
    network = Network(RECIPE.shape)
    for given in (None, weights):
        whole, cut = (
            weighted_gradients(network, parts.batch, order, given, together)(parameters)
            for together in (1000, 10)
        )
        torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-6)


def test_half_precision_moves_the_gradient_far_less_than_the_choice_of_a_minibatch(cell: Cell):
    parts = draw_parts(cell.texts, STUDY, [0], [False])
    parameters = initial_parameters(RECIPE, cell.texts, None, [0])

    def gradient(half: bool, begin: int) -> Tensor:
        order = torch.arange(begin, begin + 16)[None]
        found, _ = weighted_gradients(Network(RECIPE.shape, half), parts.batch, order, None, 1000)(
            parameters
        )
        return torch.cat([g.flatten() for g in found.values()])

    rounding = (gradient(True, 0) - gradient(False, 0)).norm()
    assert 0 < rounding < 0.05 * (gradient(False, 0) - gradient(False, 16)).norm()


def test_sams_ascent_has_length_rho_for_each_member(cell: Cell):
    parameters = initial_parameters(RECIPE, cell.texts, None, [0, 1])
    gradients = {k: torch.randn_like(p) for k, p in parameters.items()}
    moved = ascended(parameters, gradients, rho=0.05)
    squares = sum((moved[k] - p).flatten(1).square().sum(1) for k, p in parameters.items())
    torch.testing.assert_close(squares.sqrt(), torch.full((2,), 0.05), rtol=1e-3, atol=0)


def test_sam_descends_by_the_gradient_at_the_ascended_point():
    parameters = {"w": torch.tensor([[1.0, 2.0]])}
    asked = []

    def gradients(at: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        asked.append(at["w"].clone())
        return {"w": torch.tensor([[3.0, 4.0]])}, torch.zeros(1)

    update(parameters, gradients, StackedAdamW(parameters, [0.1], weight_decay=0.0), rho=0.5)
    torch.testing.assert_close(asked[1], torch.tensor([[1.3, 2.4]]))


def test_added_weights_sum_to_one_and_have_the_noise_of_the_small_batch():
    n, large, small, draws = 32, 16, 4, 4000
    share = added_share(n, large, small)
    generator = torch.Generator().manual_seed(0)

    def drawn(size: int) -> Tensor:
        return torch.rand(draws, n, generator=generator).argsort(1)[:, :size]

    weights = added_weights(drawn(large), drawn(small), n, share)
    torch.testing.assert_close(weights.sum(1), torch.ones(draws), rtol=0, atol=1e-5)
    gradients = torch.randn(n, 5, generator=generator)
    scatter = (weights @ gradients).var(0).sum() / gradients.var(0).sum()
    # relative error of a variance from 4,000 draws of 5 numbers: 1%
    assert float(scatter) == pytest.approx(noise_factor(n, small), rel=0.04)


def test_splits_are_disjoint_drawn_by_the_seed_alone_and_of_the_official_parts():
    texts = some_texts()
    parts = draw_parts(texts, STUDY, [3, 4, 3], [False, False, True])
    assert (parts.train[0] == parts.train[2]).all()
    assert (parts.train[0] != parts.train[1]).any()
    for part, code in ((parts.train[0], 0), (parts.validation, 1), (parts.test, 2)):
        assert (texts.split[part.numpy()] == code).all()
        assert len(part.unique()) == len(part)
    assert (parts.labels[0] != parts.labels[2]).sum() == round(0.2 * STUDY.n_train)


def test_flipped_labels_are_of_another_class_each_as_likely():
    flipped = flip_labels(np.zeros(3000, dtype=int), classes=4, share=1.0, seed=0)
    counts = np.bincount(flipped, minlength=4)
    assert counts[0] == 0
    assert (abs(counts[1:] - 1000) < 4 * np.sqrt(3000 * 2 / 9)).all()


def test_the_order_of_examples_and_the_noises_partition_do_not_depend_on_the_batch_size(
    cell: Cell,
):
    stacks = [study_stack(cell, ("plain",), size, (1e-3, False), 0.0) for size in (4, 16)]
    epochs = []
    for stack, updates in zip(stacks, (8, 2), strict=True):
        batches = [order for order, _ in minibatches(stack, STUDY.n_train)][:updates]
        epochs.append(torch.cat(batches, dim=1))
    assert (epochs[0] == epochs[1]).all()
    partitions = [noise_partition(stack, 2, STUDY, update=3) for stack in stacks]
    assert (partitions[0] == partitions[1]).all()
    assert partitions[0].shape == (4, 2, 4)
    assert all(len(own.unique()) == 16 for own in partitions[0].transpose(0, 1))


def test_initial_weights_depend_on_the_seed_alone(cell: Cell):
    both = initial_parameters(RECIPE, cell.texts, None, [5, 6])
    again = initial_parameters(RECIPE, cell.texts, None, [6])
    assert all((p[1] == again[k][0]).all() for k, p in both.items())
    assert (both["classifier.weight"][0] != both["classifier.weight"][1]).any()


def test_the_spectral_product_is_that_of_singular_values():
    generator = torch.Generator().manual_seed(0)
    weights = {
        "a.weight": torch.randn(2, 5, 9, generator=generator),
        "b.weight": torch.randn(2, 9, 5, generator=generator),
        "embeddings.word_embeddings.weight": torch.randn(2, 30, 5, generator=generator),
        "a.bias": torch.randn(2, 5, generator=generator),
    }
    norms = [torch.linalg.matrix_norm(weights[f"{name}.weight"], ord=2) for name in "ab"]
    expected = (norms[0] * norms[1]).log10().double()
    torch.testing.assert_close(log_spectral_product(weights), expected, rtol=1e-5, atol=1e-6)


def test_the_frame_has_the_agreed_columns_and_every_row_once(cell: Cell, collected: Path):
    runs = cell_runs(cell, collected)
    assert list(runs.columns) == COLUMNS
    assert runs["run_id"].is_unique
    found = runs.groupby(["arm", "design"]).size().to_dict()
    each = len(STUDY.seeds) * len(STUDY.batch_sizes)
    assert found == {
        ("label_noise", "equal_epochs"): each,
        ("noise_added", "equal_epochs"): 2,
        ("noise_removed", "equal_epochs"): 2,
        ("noise_removed", "equal_updates"): 2,
        ("plain", "equal_epochs"): each,
        ("plain", "equal_loss"): each,
        ("plain", "equal_updates"): each,
        ("plain", "tuned"): each,
        ("sam", "equal_epochs"): each,
    }


def test_rows_tell_the_budgets_the_noise_and_the_cost(cell: Cell, collected: Path):
    runs = cell_runs(cell, collected)
    plain = runs[runs["arm"] == "plain"]
    epochs = plain[plain["design"] == "equal_epochs"]
    assert (epochs["updates"] * epochs["batch_size"] == 32).all()
    assert (plain.loc[plain["design"] == "equal_updates", "updates"] == 4).all()
    factor = [noise_factor(32, size) for size in plain["noise_of"]]
    np.testing.assert_allclose(plain["grad_noise"], plain["example_noise"] * factor)
    added = runs[runs["arm"] == "noise_added"]
    assert set(zip(added["batch_size"], added["noise_of"], strict=True)) == {(16, 4)}
    assert (runs["seconds"] > 0).all()


def test_noise_removed_is_the_largest_batch_for_the_updates_of_the_smallest(
    cell: Cell, collected: Path
):
    runs = cell_runs(cell, collected)
    rows = runs[(runs["arm"] == "noise_removed") & (runs["design"] == "equal_epochs")]
    assert set(zip(rows["batch_size"], rows["noise_of"], rows["updates"], strict=True)) == {
        (4, 16, 8)
    }
    alone = trained_alone(cell, Member(0, "plain", 1e-3, 8), 16, flipped=False)
    squares = sum(float(p[0].square().sum()) for p in alone.values())
    found = rows.loc[rows["seed"] == 0, "weight_norm"].item()
    assert found == pytest.approx(np.sqrt(squares), rel=1e-4)


def test_adjusted_sharpness_is_that_of_the_scaled_hessian_of_a_network_alone(cell: Cell):
    parts = draw_parts(cell.texts, cell.study, [0], [False])
    start = initial_parameters(cell.recipe, cell.texts, None, [0])
    full = replace(cell, study=replace(cell.study, products=400))
    found = geometry(full, parts, start, start, [0])["sharpness_adjusted"].item()
    names = list(start)
    sizes = [start[k].numel() for k in names]
    ids, labels = parts.batch(torch.arange(8)[None])

    def loss(flat: Tensor) -> Tensor:
        own = {k: part.view_as(start[k]) for k, part in zip(names, flat.split(sizes), strict=True)}
        with sdpa_kernel(SDPBackend.MATH):
            return Network(cell.recipe.shape).loss(own, ids, labels).sum()

    flat = torch.cat([start[k].flatten() for k in names])
    scaled = flat.abs()[:, None] * torch.autograd.functional.hessian(loss, flat) * flat.abs()
    largest = torch.linalg.eigvalsh((scaled + scaled.T).double() / 2)[-1].item()
    assert found == pytest.approx(largest, rel=1e-2)


def test_equal_loss_is_the_first_look_at_or_below_the_target(cell: Cell):
    stack = study_stack(cell, ("plain",), 4, (1e-3, False), target=0.0)
    never = [r for r in Trajectory(cell, stack).rows() if r["design"] == "equal_loss"]
    assert {(r["updates"], r["reached"]) for r in never} == {(4, False)}
    at_once = [
        r
        for r in Trajectory(cell, replace(stack, target=99.0)).rows()
        if r["design"] == "equal_loss"
    ]
    assert {(r["updates"], r["reached"]) for r in at_once} == {(2, True)}


def test_where_the_fixed_rate_is_the_best_the_tuned_rows_are_the_plain_ones(
    cell: Cell, collected: Path
):
    rates, target = tuned_rates(cell, collected)
    tuning = pd.read_parquet(part_file(collected, cell, "tuning", 16))
    at = tuning["learning_rate"] == 1e-3
    assert target == pytest.approx(tuning.loc[at, "train_loss"].mean())
    for size, (rate, at_edge) in rates.items():
        tuned = pd.read_parquet(part_file(collected, cell, "tuned", size))
        assert (tuned["learning_rate"] == rate).all()
        assert at_edge
        plain = pd.read_parquet(part_file(collected, cell, "plain", size))
        plain = plain[plain["design"] == "equal_epochs"]
        same = tuned["train_loss"].to_numpy() == plain["train_loss"].to_numpy()
        assert same.all() == (rate == RECIPE.rate)


def test_a_stopped_collection_goes_on_to_the_same_bytes(
    cell: Cell, collected: Path, tmp_path: Path
):
    collect([cell], tmp_path, ("plain", "sam"))
    part_file(tmp_path, cell, "plain", 4).unlink()
    collect([cell], tmp_path, ARMS)
    names = sorted(path.name for path in collected.glob("fake*.parquet"))
    assert names == sorted(path.name for path in tmp_path.glob("fake*.parquet"))
    for name in names:
        if "seconds" not in name:
            first, again = (pd.read_parquet(out / name) for out in (collected, tmp_path))
            pd.testing.assert_frame_equal(first, again, rtol=1e-4, atol=1e-6)


def test_the_same_call_gives_the_same_bytes(cell: Cell, collected: Path, tmp_path: Path):
    collect([cell], tmp_path, ("plain", "tuned", "label_noise"))
    for arm in ("tuning", "plain", "tuned", "label_noise"):
        for size in STUDY.batch_sizes:
            first, again = (part_file(o, cell, arm, size) for o in (collected, tmp_path))
            assert first.read_bytes() == again.read_bytes()


def test_joining_writes_both_frames_in_short_types(cell: Cell, collected: Path):
    runs, tuning = (pd.read_parquet(path) for path in join([cell], collected))
    assert runs["sharpness"].dtype == np.float32
    assert runs["seed"].dtype == np.int32
    assert tuning.columns.tolist() == (
        "dataset model seed batch_size learning_rate updates validation_loss validation_accuracy "
        "train_loss test_accuracy diverged".split()
    )
    assert len(tuning) == 2 * 2


def test_joining_before_everything_is_there_says_what_to_do(cell: Cell, tmp_path: Path):
    with pytest.raises(DataError, match="run the same command without --join"):
        join([cell], tmp_path)


def fake_package(folder: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {w: i for i, w in enumerate("[PAD] [UNK] unseen good bad film".split())}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    rng = np.random.default_rng(0)
    weights = {
        "embeddings.word_embeddings.weight": rng.normal(size=(6, 4)).astype(np.float32),
        "embeddings.position_embeddings.weight": rng.normal(size=(9, 4)).astype(np.float32),
        "encoder.layer.0.output.dense.bias": rng.normal(size=4).astype(np.float32),
        "pooler.dense.bias": np.zeros(4, np.float32),
    }
    save_file(weights, folder / "model.safetensors")
    return weights


def test_preparing_keeps_weights_as_they_are_and_drops_words_that_do_not_occur(tmp_path: Path):
    weights = fake_package(tmp_path)
    table = pd.DataFrame(
        {
            "text": ["good film", "bad bad film", "bad"],
            "label": ["p", "n", "n"],
            "split": ["train", "val", "test"],
        }
    )
    table.to_csv(tmp_path / "t.csv.gz", index=False)
    prepare(tmp_path, tmp_path, tmp_path / "out", (Source("t", "t.csv.gz", 3),))
    texts = load_texts(tmp_path / "out", "t", "cpu")
    assert texts.ids.tolist() == [[1, 3, 0], [2, 2, 3], [2, 0, 0]]
    assert texts.labels.tolist() == [1, 0, 0]
    assert texts.split.tolist() == [0, 1, 2]
    encoder = load_encoder(tmp_path / "out", texts)
    words = encoder.pop("embeddings.word_embeddings.weight").numpy()
    assert (words == weights["embeddings.word_embeddings.weight"][[0, 3, 4, 5]]).all()
    positions = encoder.pop("embeddings.position_embeddings.weight").numpy()
    assert (positions == weights["embeddings.position_embeddings.weight"][:3]).all()
    (name, bias), *rest = encoder.items()
    assert rest == []
    assert (bias.numpy() == weights[name]).all()


def test_a_pretrained_encoder_begins_with_the_prepared_weights(tmp_path: Path):
    weights = fake_package(tmp_path)
    table = pd.DataFrame({"text": ["good"], "label": ["p"], "split": ["train"]})
    table.to_csv(tmp_path / "t.csv", index=False)
    prepare(tmp_path, tmp_path, tmp_path, (Source("t", "t.csv", 3),))
    texts = replace(load_texts(tmp_path, "t", "cpu"), classes=2)
    recipe = replace(RECIPE, pretrained=True, width=4)
    found = initial_parameters(recipe, texts, load_encoder(tmp_path, texts), [0, 1])
    name = "encoder.layer.0.output.dense.bias"
    assert (found[name].numpy() == weights[name]).all()
    assert found["classifier.weight"].shape == (2, 2, 4)


def test_data_that_are_not_there_are_an_error_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as caught:
        main(["--data", str(tmp_path), "--out", str(tmp_path)])
    assert caught.value.code == 1
    assert "text_runs.prepare" in capsys.readouterr().err


def test_a_training_part_that_is_too_small_is_refused():
    with pytest.raises(ConfigurationError, match="expected 60 at least"):
        draw_parts(some_texts(), replace(STUDY, n_train=60), [0], [False])


def test_the_fixed_rate_is_on_the_grid_and_batches_divide_the_training_set():
    study = Study()
    assert all(recipe.rate in recipe.rates for recipe in RECIPES)
    assert all(study.n_train % size == 0 for size in study.batch_sizes)
    assert not set(study.seeds) & set(study.tuning_seeds)


def test_what_is_missing_after_a_stop_is_made_to_the_same_bytes(
    cell: Cell, collected: Path, tmp_path: Path
):
    whole = {p.name: p.read_bytes() for p in collected.glob("fake*.parquet")}
    kept = {name: data for name, data in whole.items() if "-B4." not in name}
    for name, data in kept.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / part_file(tmp_path, cell, "tuning", 4).name).write_bytes(
        whole[part_file(tmp_path, cell, "tuning", 4).name]
    )
    collect([cell], tmp_path, ARMS)
    assert {p.name: p.read_bytes() for p in tmp_path.glob("fake*.parquet")} == whole
