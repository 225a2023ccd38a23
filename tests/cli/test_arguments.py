import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper import ConfigurationError
from causalhyper.cli.arguments import parse_numbers, repeat_options

SEVERAL = {"--role", "--cluster"}


def test_values_behind_an_option_are_gathered_up_to_the_next_option() -> None:
    given_words = ["r", "--cluster", "a", "b", "--at", "1", "--role", "X=x", "Y=y"]
    assert repeat_options(given_words, SEVERAL) == [
        *["r", "--cluster", "a", "--cluster", "b", "--at", "1"],
        *["--role", "X=x", "--role", "Y=y"],
    ]


@given(st.lists(st.sampled_from(["--role", "--at", "--cluster", "a", "b=c", "--x=y"])))
def test_expanding_twice_changes_nothing_more(words: list[str]) -> None:
    once = repeat_options(words, SEVERAL)
    assert repeat_options(once, SEVERAL) == once


@pytest.mark.parametrize("text", ["", "1,,2", "1;2", "nan", "inf", "1e999"])
def test_text_that_is_no_list_of_finite_numbers_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--at needs numbers"):
        parse_numbers(text, "--at")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_read_as_they_were_written(numbers: list[float]) -> None:
    assert parse_numbers(",".join(map(repr, numbers)), "--at") == tuple(numbers)
