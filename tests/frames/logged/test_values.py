import math

import numpy as np
import pandas as pd
import pytest

from causalhyper.frames.logged.history import History, points_of
from causalhyper.frames.logged.naming import PARAMETERS, STEPS, recognise
from causalhyper.frames.logged.values import flatten, make_column, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("32", 32), ("-1", -1), ("1e-3", 0.001), (" .5 ", 0.5), ("2.", 2.0), ("+3E2", 300.0)],
)
def test_a_text_that_is_a_number_is_read_as_one(text, number):
    found = parse_number(text)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize("text", ["NaN", "nan", ".nan"])
def test_a_written_nan_is_nan(text):
    assert math.isnan(parse_number(text))


@pytest.mark.parametrize("text", ["007", "1_000", "0x10", "2*3", "1e", "", "1,5", "__import__"])
def test_names_and_expressions_are_no_numbers(text):
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("cells", "values", "kind"),
    [
        (["1", "2"], [1, 2], "i"),
        (["1", "0.5"], [1.0, 0.5], "f"),
        (["1", None], [1.0, math.nan], "f"),
        (["1", "None"], [1.0, math.nan], "f"),
        (["inf", "1"], [math.inf, 1.0], "f"),
        (["True", "false"], [True, False], "b"),
        ([True, False], [True, False], "b"),
        (["sgd", "None"], ["sgd", "None"], "O"),
        (["007", "8"], ["007", "8"], "O"),
        ([1, "auto"], ["1", "auto"], "O"),
        ([[1, 2], {"a": 1}], ["[1, 2]", '{"a": 1}'], "O"),
        ([2**70, 1], [float(2**70), 1.0], "f"),
    ],
)
def test_a_column_is_numbers_only_where_every_filled_cell_is_one(cells, values, kind):
    column = make_column(cells)
    assert column.dtype.kind == kind
    np.testing.assert_array_equal(column.to_numpy(), np.array(values, dtype=column.dtype))


def test_nested_parameters_get_dotted_names_and_empty_ones_stay():
    assert flatten({"a": {"b": {"c": 1}}, "d": {}, "e": [1]}) == {"a.b.c": 1, "d": {}, "e": [1]}


def random_history(rng):
    names = [f"r{i}" for i in range(4)], ["loss", "acc", "lr"]
    size = 60
    return History(
        tuple(names[0]),
        tuple(names[1]),
        rng.integers(0, 3, size),
        rng.integers(0, 3, size),
        rng.integers(-2, 6, size),
        rng.choice([np.nan, np.inf, 1.0, 2.0, 3.0, 4.0], size),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_steps_frame_holds_the_last_of_the_values_at_each_step(seed):
    h = random_history(np.random.default_rng(seed))
    cells = {}
    for r, m, s, v in zip(h.run, h.metric, h.step, h.value, strict=True):
        cells[h.runs[r], int(s), h.metrics[m]] = v
    rows = sorted({(run, step) for run, step, _ in cells})
    frame = h.frame()
    assert list(zip(frame["run_id"], frame["step"], strict=True)) == rows
    for name in h.metrics:
        expected = [cells.get((run, step, name), math.nan) for run, step in rows]
        np.testing.assert_array_equal(frame[name], expected)
    for i, run in enumerate(h.runs):
        for name in h.metrics:
            steps = [s for r, s, m in cells if r == run and m == name]
            if steps:
                np.testing.assert_equal(h.last()[run][name], cells[run, max(steps), name])
            else:
                assert name not in h.last()[run]
        assert h.broken()[run] == sum(not math.isfinite(v) for v in h.value[h.run == i])
    assert h.repeats() == (len(cells) < len(h.value))


def test_a_run_without_values_has_no_row_and_no_last_value():
    h = History.join({"a": {}, "b": points_of([{"loss": 1.0}], [3])})
    assert h.frame().to_dict("list") == {"run_id": ["b"], "step": [3], "loss": [1.0]}
    assert h.last() == {"a": {}, "b": {"loss": 1.0}}
    assert not h.repeats()
    assert History.join({"a": {}}).frame().empty


def test_spellings_of_known_columns_are_recognised_only_beyond_doubt():
    assert recognise(["Batch-Size", "lr"], PARAMETERS) == {
        "Batch-Size": "batch_size",
        "lr": "learning_rate",
    }
    assert recognise(["learning_rate", "lr"], PARAMETERS) == {}
    assert recognise(["Learning Rate", "lr"], PARAMETERS) == {"Learning Rate": "learning_rate"}
    assert recognise(["lr", "peak_lr"], PARAMETERS) == {}
    assert recognise(["train/loss", "val/loss", "lr-SGD"], STEPS) == {
        "train/loss": "loss",
        "lr-SGD": "learning_rate",
    }


def test_the_tables_of_names_name_known_columns_only():
    from causalhyper.frames import KNOWN
    from causalhyper.frames.logged.naming import MEASURES, plain

    assert set(PARAMETERS) | set(MEASURES) <= set(KNOWN)
    for table in (PARAMETERS, MEASURES, STEPS):
        others = [name for names in table.values() for name in names]
        assert len(others) == len(set(others))
        assert all(plain(name) == name and name not in table for name in others)


def test_text_columns_come_back_as_they_were():
    column = make_column(["a", None, "c"])
    assert column.tolist()[::2] == ["a", "c"]
    assert pd.isna(column[1])
