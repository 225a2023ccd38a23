"""The verb `identify`: what it answers, prints and refuses, and that its estimands are true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import CausalHyperError, GraphError, NotIdentifiedError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.identification import evaluate
from causalhyper.queries.graph_checks.identification import Identification, identify
from tests.identification.worlds import World, mixed_graphs

POSTER = "B -> N; N -> S; {N, S} -> C; C -> G"
STRATEGIES = ["ID", "back-door", "front-door", "instrument"]
THROUGH = ["controlled direct", "natural", "interventional"]


def only(found, name):
    (strategy,) = found.strategy(name)
    return strategy


def test_the_papers_graph_is_identified_by_the_posters_formula_without_adjustment():
    found = identify(POSTER, "B", "G")
    assert str(found.estimand) == "Σ_{c, n, s} P(g | c) P(c | n, s) P(s | n) P(n | b)"
    assert only(found, "back-door").sets == ("∅",)
    assert str(only(found, "back-door").estimand) == "P(g | b)"
    assert only(found, "front-door").sets == ("{N}", "{C}")
    assert found.verdict == "the effect of B on G is identified"
    assert found.witness == ""


def test_the_papers_graph_splits_through_noise_but_not_through_sharpness():
    sharpness = identify(POSTER, "B", "G", mediators="S")
    assert only(sharpness, "natural").witness == "recanting witness N"
    assert only(sharpness, "controlled direct").identified
    assert only(sharpness, "interventional").identified
    path = only(sharpness, "path-specific")
    assert (path.question, path.identified) == ("B -> N -> S -> C -> G", False)
    assert only(identify(POSTER, "B", "G", mediators="N"), "natural").identified


def test_a_hidden_cause_of_noise_and_outcome_leaves_the_total_and_spoils_the_split():
    found = identify(f"{POSTER}; N <-> G", "B", "G", mediators=["N"])
    assert found.identified
    assert only(found, "natural").identified
    split = identify("B -> N; {B, N} -> G; N <-> G", "B", "G", mediators="N")
    assert split.identified
    assert only(split, "natural").witness == "recanting district {N, G}"
    assert only(split, "controlled direct").witness == "hedge F = {N, G}, F′ = {G}"
    assert not only(split, "interventional").identified


def test_an_effect_that_is_not_identified_says_why_and_raises_on_demand():
    found = identify("B -> N; N -> G; N <-> G", "N", "G")
    assert not found.identified
    assert found.estimand is None
    assert found.verdict == (
        "the effect of N on G is not identified, because latent common causes connect N and G: "
        "two models can agree on everything observed and differ when N is set "
        "(hedge F = {N, G}, F′ = {G})"
    )
    assert only(found, "instrument").sets == ("B",)
    assert not only(found, "instrument").identified
    with pytest.raises(NotIdentifiedError, match=r"not identified, because .* randomise N"):
        found.require()
    assert found.summary().splitlines()[-1] == f"verdict: {found.verdict}"


def test_the_estimand_on_demand_is_that_of_an_identified_effect():
    found = identify(POSTER, "B", "G")
    assert found.require() is found.estimand


def test_an_effect_without_a_directed_path_is_said_to_be_zero():
    found = identify("Y -> M; M -> X", "X", "Y", mediators="M")
    assert found.verdict == "no directed path leads from X to Y: the effect is zero"
    assert str(found.estimand) == "P(y)"
    assert "every effect is zero" in only(found, "natural").sentence
    assert found.summary().count("no directed path leads from X to Y") >= 3


def test_the_derivation_is_printed_step_by_step_and_ends_in_the_verdict():
    lines = identify("X -> Z; Z -> Y; X <-> Y", "X", "Y").summary().splitlines()
    assert lines[1] == "ID algorithm (Shpitser and Pearl 2006):"
    assert [line.split("line ")[1][0] for line in lines[2:8]] == list("426721")
    assert lines[8] == "  P(y | do(x)) = Σ_{z} P(z | x) Σ_{x′} P(y | x′, z) P(x′)"
    assert lines[-1] == "verdict: the effect of X on Y is identified"


def test_values_that_may_be_any_are_named():
    napkin = "W -> Z; Z -> X; X -> Y; W <-> X; W <-> Y"
    assert "  the same at every value of z" in identify(napkin, "X", "Y").summary().splitlines()
    assert "the same at every" not in identify(POSTER, "B", "G").summary()


def test_the_frame_has_one_row_a_strategy_and_fixed_columns():
    frame = identify(POSTER, "B", "G", mediators=["N", "S"]).to_frame()
    columns = ["strategy", "question", "identified", "sets", "estimand", "witness"]
    assert list(frame.columns) == columns
    assert list(frame["strategy"]) == [*STRATEGIES, *THROUGH, "path-specific", "path-specific"]
    assert ((frame["estimand"] == "") == ~frame["identified"]).all()
    assert ((frame["witness"] == "") == frame["identified"]).all()
    assert list(identify(POSTER, "B", "G").to_frame()["strategy"]) == STRATEGIES


def test_a_graph_and_its_text_give_the_same_answer():
    assert identify(DirectedHypergraph.parse(POSTER), "B", "G") == identify(POSTER, "B", "G")


def test_with_more_than_twenty_paths_none_is_asked_about_by_itself():
    many = "; ".join(f"A{k} -> A{k + 1}; A{k} -> A{k + 2}" for k in range(8))
    assert not identify(many, "A0", "A8", mediators="A4").strategy("path-specific")
    few = "; ".join(f"A{k} -> A{k + 1}; A{k} -> A{k + 2}" for k in range(4))
    assert identify(few, "A0", "A4", mediators="A2").strategy("path-specific")


@settings(max_examples=40, deadline=None)
@given(mixed_graphs(), st.data())
def test_every_estimand_of_every_strategy_is_the_truth_of_enumeration(h, data):
    x, y, m, *_ = data.draw(st.permutations(h.nodes))
    world = World(h, data.draw(st.integers(0, 10_000)))
    joint, found = world.joint(), identify(h, x, y, mediators=m)
    total = world.do([x], [y])
    for strategy in found.strategies[:3]:
        if strategy.identified:
            value = evaluate(strategy.estimand, joint, h.order(), [y, x])
            np.testing.assert_allclose(value, total, rtol=1e-8)
    fixed = world.do([x, m], [y])
    if only(found, "controlled direct").identified:
        estimand = only(found, "controlled direct").estimand
        value = evaluate(estimand, joint, h.order(), [y, x, m])
        np.testing.assert_allclose(value, fixed, rtol=1e-8)
    if only(found, "interventional").identified:
        estimand = only(found, "interventional").estimand
        twin = f"{x.lower()}*"
        keep = [y, x, *([twin] if twin in str(estimand) else [])]
        value = evaluate(estimand, joint, h.order(), keep)
        truth = np.einsum("yxm,mt->yxt", fixed, world.do([x], [m]))
        value = value if len(keep) == 3 else value[:, :, None]
        np.testing.assert_allclose(np.broadcast_to(value, truth.shape), truth, rtol=1e-8)


@pytest.mark.parametrize(
    ("x", "y", "mediators", "message"),
    [
        ("B", "Q", (), "no node 'Q'"),
        ("B", "B", (), "both ends"),
        ("B", "G", "B", "name a node twice, or an end"),
        ("B", "G", ["S", "S"], "name a node twice, or an end"),
        ("B", "G", ["Q"], "no node 'Q'"),
    ],
)
def test_a_malformed_question_is_refused(x, y, mediators, message):
    with pytest.raises(GraphError, match=message):
        identify(POSTER, x, y, mediators=mediators)


def test_an_answer_whose_strategies_contradict_each_other_cannot_be_built():
    bow, good = identify("X -> Y; X <-> Y", "X", "Y"), identify("X -> Y", "X", "Y")
    with pytest.raises(CausalHyperError, match="please report it"):
        Identification(bow.graph, "X", "Y", (), bow.effect, good.strategies)
