import pytest

from causalhyper import LINEAR, SPLINE, Binomial, ConfigurationError, CrossValidated, Table
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.scm import Flow
from causalhyper.study.mechanisms import DEFAULT, HELP, OF_NODES, PLAIN, parse_mechanisms

GRAPH = DirectedHypergraph.parse("B -> N; {B, N} -> C; C -> G")


def test_without_a_word_every_node_with_causes_has_splines() -> None:
    assert parse_mechanisms([], GRAPH) == {"N": SPLINE, "C": SPLINE, "G": SPLINE}
    assert parse_mechanisms([DEFAULT], GRAPH) == parse_mechanisms([], GRAPH)


@pytest.mark.parametrize(
    ("word", "options"),
    [
        ("spline", SPLINE),
        ("linear", LINEAR),
        ("flow", Flow()),
        ("binomial", Binomial()),
        ("binomial:n_eval", Binomial(trials="n_eval")),
        ("table", Table()),
        ("cross-validated", CrossValidated()),
        ("cross-validated:spline,flow", CrossValidated((SPLINE, Flow()))),
        ("cross-validated:linear,table", CrossValidated((LINEAR, Table()))),
        (
            "cross-validated:spline,binomial:n",
            CrossValidated((SPLINE, Binomial(trials="n"))),
        ),
    ],
)
def test_one_node_has_its_own_mechanism_and_the_others_the_common_one(
    word: str, options: object
) -> None:
    found = parse_mechanisms(["linear", f"G={word}"], GRAPH)
    assert found == {"N": LINEAR, "C": LINEAR, "G": options}
    assert parse_mechanisms([f"G={word}", "linear"], GRAPH) == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["forest"], "unknown mechanism 'forest': use spline, linear, binomial"),
        (["G=forest"], "unknown mechanism 'forest'"),
        (["G="], "unknown mechanism ''"),
        (["linear:2"], "unknown mechanism 'linear:2'"),
        (["G=binomial:"], "unknown mechanism 'binomial:'"),
        (["binomial"], "suits some columns only: name its node, such as G=binomial"),
        (["table"], "name its node, such as G=table"),
        (["linear", "spline"], "two mechanisms for all nodes, 'linear' and 'spline'"),
        (["G=linear", "G=spline"], "two mechanisms for G"),
        (["B=linear"], "B has no causes in"),
        (["Q=linear"], "Q"),
        (["cross-validated:linear"], "two candidates"),
        (["cross-validated:linear,cross-validated"], "does not nest"),
    ],
)
def test_a_wrong_word_is_refused_with_what_to_write(words: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_mechanisms(words, GRAPH)
    assert said in str(caught.value)


@pytest.mark.parametrize("word", [*PLAIN, *OF_NODES])
def test_the_help_names_every_mechanism(word: str) -> None:
    assert word in HELP
