import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import causalhyper
from causalhyper import LINEAR, SPLINE, Binomial, ConfigurationError, CutHyperedge, DataError
from causalhyper.queries.robustness import robustness
from causalhyper.study import read_study
from causalhyper.study.faults import Faults
from causalhyper.study.keys import Key, read_table
from causalhyper.study.verbs import OPERATIONS, VERBS
from tests.study.conftest import Write, simulate_runs

ELSEWHERE = {"model", "graph", "progress"}
"""Parameters of verbs that come from the model, not from a query's table."""


def test_a_study_file_says_what_the_verbs_get(write: Write) -> None:
    plan = read_study(write(simulate_runs().assign(n=100), model__mechanisms={"G": "binomial:n"}))
    assert str(plan.graph) == "B -> N; N -> S; {N, S} -> C; C -> G"
    assert plan.roles["B"].label == "log2(batch_size)"
    assert plan.mechanisms == {"N": LINEAR, "S": LINEAR, "C": LINEAR, "G": Binomial(trials="n")}
    assert plan.data.runs == plan.source.parent / "runs.csv"
    (asked,) = plan.queries
    assert asked.verb == "analyze"
    assert asked.options == {}
    assert asked.arguments == {
        "treatment": "B",
        "outcome": "G",
        "at": (16.0, 64.0),
        "baseline": 512.0,
        "draws": 100,
    }


def test_without_a_model_every_node_has_splines(write: Write) -> None:
    assert set(read_study(write(model=None)).mechanisms.values()) == {SPLINE}


@pytest.mark.parametrize("name", VERBS)
def test_a_query_takes_every_option_of_its_verb_and_no_other(name: str) -> None:
    verb = robustness if name == "robustness" else getattr(causalhyper, name)
    assert VERBS[name].ask is verb
    wanted = set(inspect.signature(verb).parameters) - ELSEWHERE
    keys = {key.name for key in VERBS[name].keys}
    if name == "ablate":
        wanted = wanted - {"operation"} | {key.name for key in OPERATIONS} | {"reference"}
    if name in ("policy", "robustness"):
        wanted -= {"runs"}  # those of the study
    assert keys == wanted


def test_uncertainty_leaves_a_verb_the_default_that_is_its_own(write: Write) -> None:
    asked: list[dict[str, Any]] = [
        {"ask": "effect_curve"},
        {"ask": "do", "setting": {"B": [16, 64]}},
        {"ask": "robustness"},
        {"ask": "do", "setting": {"B": 16}, "interval": "basic", "seed": 3},
        {"ask": "identify"},
    ]
    path = write(
        uncertainty={"draws": 300, "interval": "jackknife", "seed": 7, "level": 0.9},
        query=asked,
        report__html=False,
    )
    curve, several, robust, one, identified = (q.arguments for q in read_study(path).queries)
    assert (curve["draws"], curve["interval"]) == (300, "jackknife")
    assert "interval" not in several  # quantiles are too rough for a jackknife
    assert (several["draws"], several["seed"], several["level"]) == (300, 7, 0.9)
    assert "draws" not in robust
    assert robust["interval"] == "jackknife"
    assert (one["interval"], one["seed"]) == ("basic", 3)
    assert several["setting"] == {"B": (16.0, 64.0)}
    assert one["setting"] == {"B": 16.0}
    assert identified == {"treatment": "B", "outcome": "G"}


def test_an_ablation_is_the_operation_that_its_table_names(write: Write) -> None:
    query = {"ask": "ablate", "cut_hyperedge": "{N, S} -> C", "reference": "product"}
    plan = read_study(write(query=[query], report__html=False))
    assert plan.queries[0].arguments["operation"] == CutHyperedge("{N, S} -> C", "product")


def test_costs_are_prices_of_columns_or_costs_of_values(write: Write) -> None:
    queries = [
        {"ask": "policy", "cost": {"weight_norm": 0.1}},
        {"ask": "policy", "cost": {"16": 0.1, "64": 0.2, "512": 0}},
    ]
    found = read_study(write(query=queries, report__html=False)).queries
    assert found[0].arguments["cost"] == {"weight_norm": 0.1}
    assert found[1].arguments["cost"] == {16.0: 0.1, 64.0: 0.2, 512.0: 0.0}


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"dta": {"runs": "x"}}, "dta: no such key; did you mean 'data'? the keys are schema, title"),
    ({"data": None}, "data: is missing; expected a table"),
    ({"title": 3}, "title: expected a text that is not empty; got 3"),
    ({"schema": "causalhyper.study/9"}, "of causalhyper.study/1; got 'causalhyper.study/9'"),
    ({"data__runs": None}, "[data] runs: is missing"),
    ({"data__runs": "no.csv"}, "[data] runs: no file"),
    ({"data__runs": "runs.xlsx"}, "[data] runs: cannot tell the format"),
    ({"data__clutser": "seed"}, "[data] clutser: no such key; did you mean 'cluster'?"),
    ({"data__cluster": []}, "[data] cluster: is empty"),
    (
        {"data__cluster": "sed"},
        "[data] cluster: runs.csv has no column 'sed'; did you mean",
    ),
    ({"data__context": 3}, "[data] context: expected a text, or a list of texts; got 3"),
    (
        {"data__each": "zone"},
        "[data] each: runs.csv has no column 'zone'; it has seed",
    ),
    ({"data__where": ["seed"]}, "[data] where: cannot read the condition 'seed'"),
    ({"data__where": ["plan=a"]}, "[data] where: no column 'plan'"),
    ({"roles__N": "grad_nois"}, "[roles] N: runs.csv has no column 'grad_nois'; did you mean"),
    ({"roles__N": "ln(grad_noise)"}, "[roles] N: unknown transform 'ln'"),
    ({"roles__N": 1}, "[roles] N: expected a text that is not empty; got 1"),
    ({"roles": 3}, 'roles: expected a table such as {G = "test_accuracy"}; got 3'),
    ({"protocol": {"by": "dataset", "sentences": {"cora": 3}}}, "[protocol.sentences] cora: exp"),
    ({"model__mechanisms": {"G": 3}}, "[model.mechanisms] G: expected a text that is not empty"),
    ({"roles__N": None}, "[roles] N: is missing; the nodes of"),
    ({"roles__Z": "dataset"}, "[roles] Z: no node 'Z'"),
    ({"roles__N": "sharpness"}, "[roles]: the column 'sharpness' plays two nodes"),
    ({"hypergraph__edges": "B => N"}, "[hypergraph] edges: "),
    ({"hypergraph__edges": "B -> N; N -> B"}, "[hypergraph] edges: "),
    ({"hypergraph__edges": ""}, "[hypergraph] edges: expected a text that is not empty"),
    ({"question__treatment": "b"}, "[question] treatment: no node 'b'"),
    ({"question__treatment": None}, "[question] treatment: is missing"),
    ({"question__outcome": "B"}, "[question]: "),
    ({"question__at": "16"}, "[question] at: expected a list of numbers; got '16'"),
    ({"question__at": [True]}, "[question] at: expected a list of numbers; got [True]"),
    (
        {"question__at": None},
        "[[query]] 1 (analyze) at: is missing; give it here, or in",
    ),
    ({"question__baseline": None}, "[[query]] 1 (analyze) baseline: is missing"),
    ({"protocol__sentence": None}, "[protocol] sentence: is missing; say what was held equal"),
    ({"protocol__sentence": " "}, "[protocol] sentence: is empty; say what was held equal"),
    ({"protocol__sentence": 1}, "[protocol] sentence: expected a text"),
    ({"protocol__by": "dataset"}, "[protocol] sentence: stands beside by"),
    ({"protocol": {"by": "dataset"}}, "[protocol] sentences: is missing; expected a sentence"),
    ({"protocol": {"sentences": {"a": "b"}}}, "[protocol] by: is missing"),
    (
        {"protocol": {"by": "dataset", "sentences": {"cor": "equal"}}},
        "[protocol.sentences]: dataset 'cora' has no sentence; did you mean 'cor'?",
    ),
    (
        {"protocol": {"by": "dataset", "sentences": {"cora": "", "citeseer": "x"}}},
        "[protocol.sentences] cora: is empty",
    ),
    (
        {"protocol": {"by": "dataset", "sentences": {"cora": "a", "citeseer": "x"}}},
        "[protocol.sentences] citeseer: no run has dataset 'citeseer'; there are cora",
    ),
    (
        {"protocol": {"by": "plan", "sentences": {"a": "b"}}},
        "[protocol] by: runs.csv has no",
    ),
    ({"model__mechanism": "forest"}, "[model] mechanism: unknown mechanism 'forest'"),
    ({"model__mechanism": "table"}, "[model] mechanism: the mechanism table suits some columns"),
    ({"model__mechanisms": {"B": "linear"}}, "[model.mechanisms] B: no mechanism for B"),
    ({"model__mechanisms": {"Q": "linear"}}, "[model.mechanisms] Q: no node 'Q'"),
    ({"model__mechanisms": {"G": "binomial"}}, "[model.mechanisms] G: runs.csv has no column"),
    ({"model__outcome_range": [1, 0]}, "[model] outcome_range: expected [low, high]"),
    ({"uncertainty__draws": 50}, "[uncertainty] draws: expected a whole number at least 100; got"),
    ({"uncertainty__draws": 100.5}, "[uncertainty] draws: expected a whole number"),
    ({"uncertainty__level": 1}, "[uncertainty] level: expected a number between 0 and 1; got 1"),
    ({"uncertainty__seed": -1}, "[uncertainty] seed: expected a whole number at least 0; got -1"),
    (
        {"uncertainty__interval": "z"},
        "[uncertainty] interval: expected a text that is not",
    ),
    ({"report__folder": "runs.csv"}, "[report] folder: "),
    ({"report__html": "yes"}, "[report] html: expected true or false; got 'yes'"),
]


@pytest.mark.parametrize(("changes", "said"), FAULTS, ids=lambda part: str(part)[:40])
def test_a_fault_is_told_with_its_table_and_key(
    write: Write, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_study(write(**changes))
    message = str(caught.value)
    assert "study.toml has " in message
    assert said in message


QUERY_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"ask": "effect_curv"}, "ask: expected the name of a query, one of analyze, effect_curve"),
    ({"at": [16]}, "ask: expected the name of a query"),
    ({"ask": "analyze", "drws": 100}, "(analyze) drws: no such key; did you mean 'draws'?"),
    ({"ask": "analyze", "treatment": "Z"}, "(analyze) treatment: no node 'Z'"),
    ({"ask": "mediate"}, "(mediate) mediators: is missing"),
    ({"ask": "mediate", "mediators": "Z"}, "(mediate) mediators: no node 'Z'"),
    (
        {"ask": "mediate", "mediators": "G"},
        "(mediate) mediators: G is not between B and G; these are: N, S, C",
    ),
    ({"ask": "mediate", "mediators": "N", "controlled": {"Z": 1}}, "controlled: no node 'Z'"),
    ({"ask": "mediate", "mediators": "N", "coupling": "x"}, "of shared, independent, antithetic"),
    ({"ask": "ablate"}, "(ablate): expected one of randomise_node, fix_node, cut_edge"),
    ({"ask": "ablate", "cut_edge": "N -> S", "randomise_node": "N"}, "got 2 of them"),
    ({"ask": "ablate", "cut_edge": "N"}, "cut_edge: an arc is a cause and a head"),
    ({"ask": "ablate", "cut_edge": "Z -> N"}, "cut_edge: no node 'Z'"),
    ({"ask": "ablate", "randomise_node": "Z"}, "randomise_node: no node 'Z'"),
    ({"ask": "ablate", "fix_node": {"N": 1, "S": 1}}, "fix_node: expected one node"),
    ({"ask": "ablate", "cut_hyperedge": "N -> C"}, "cut_hyperedge: N -> C is no hyperedge of"),
    ({"ask": "ablate", "drop_interaction": "N =>"}, "drop_interaction: "),
    ({"ask": "ablate", "cut_edge": "N -> S", "reference": "joint"}, "takes no reference"),
    ({"ask": "refit_without", "edge": "B -> G"}, "edge: B -> G is no hyperedge of"),
    ({"ask": "path_effects", "paths": ["B -> G"]}, "paths: B -> G is no arc of"),
    ({"ask": "do", "setting": {"Z": 1}}, "setting: no node 'Z'"),
    ({"ask": "do", "setting": {}}, "setting: expected a table such as {B = [16, 512]}"),
    ({"ask": "do", "setting": {"B": "x"}}, "(do) setting.B: expected a list of numbers; got 'x'"),
    ({"ask": "do", "setting": {"B": 16}, "quantiles": [0, 2]}, "quantiles: expected a list of"),
    ({"ask": "policy", "cost": {"joules": 1}}, "cost: runs.csv has no column 'joules'"),
    ({"ask": "policy", "by": "zone"}, "by: runs.csv has no column 'zone'"),
    ({"ask": "power"}, "effects: is missing; expected a list of numbers"),
    ({"ask": "robustness", "pairs": [["N"]]}, "pairs: expected a list of pairs"),
    ({"ask": "robustness", "pairs": [["N", "Z"]]}, "pairs: no node 'Z'"),
    ({"ask": "falsify", "flips": 3}, "flips: expected a whole number at least 19; got 3"),
    ({"ask": "shapley", "players": "nodes"}, "of mediators, hyperedges, paths"),
]


@pytest.mark.parametrize(("query", "said"), QUERY_FAULTS, ids=lambda part: str(part)[:40])
def test_a_fault_of_a_query_is_told_with_its_number(
    write: Write, query: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_study(write(query=[{"ask": "analyze"}, query]))
    lines = [line for line in str(caught.value).splitlines() if "[[query]] 2" in line]
    assert len(lines) == 1
    assert said in lines[0]


def test_all_faults_of_a_file_are_told_together(write: Write) -> None:
    path = write(
        data__clutser="seed", roles__N="grad_nois", uncertainty__draws=1, protocol__sentence=""
    )
    with pytest.raises(ConfigurationError) as caught:
        read_study(path)
    head, *lines = str(caught.value).splitlines()
    assert head == f"{path} has 4 problems:"
    places = [line.split(":")[0].removeprefix("  - ") for line in lines]
    assert places == [
        "[data] clutser",
        "[protocol] sentence",
        "[uncertainty] draws",
        "[roles] N",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[data\n", "is not TOML: "),
        (b"a = 1\na = 2\n", "is not TOML: "),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_what_is_no_toml_is_refused_in_one_message(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        read_study(path)
    with pytest.raises(ConfigurationError, match="is a folder"):
        read_study(tmp_path)
    with pytest.raises(ConfigurationError, match="write one with causalhyper init"):
        read_study(tmp_path / "none.toml")


def test_damaged_runs_and_conditions_that_leave_none_are_faults_of_the_data(write: Write) -> None:
    with pytest.raises(DataError, match="no run is left with dataset=pubmed"):
        read_study(write(data__where="dataset=pubmed"))
    path = write()
    (path.parent / "runs.csv").write_text("run_id,run_id\n1,2\n")
    with pytest.raises(DataError, match="stands twice"):
        read_study(path)
    path.write_text(path.read_text("utf-8").replace("title", "tilte"), "utf-8")
    with pytest.raises(ConfigurationError, match="tilte: no such key"):
        read_study(path)


def test_a_table_must_be_a_table() -> None:
    faults = Faults("study.toml", [])
    assert read_table(3, [Key("seed", "count")], "[uncertainty]", faults) == {}
    with pytest.raises(ConfigurationError, match=r"1 problem:\n  - \[uncertainty\]: expected a t"):
        faults.settle()


STRANGE = [3, -1.5, True, "", "x = [", [], [[]], ["x", 3], {}, {"x": {"y": 1}}]
KEYS = ["title", "data", "roles", "hypergraph", "question", "protocol", "model", "uncertainty"]
KEYS += ["data__runs", "data__where", "data__cluster", "data__context", "data__each", "roles__N"]
KEYS += ["hypergraph__edges", "question__treatment", "question__at", "question__baseline"]
KEYS += ["protocol__sentence", "protocol__by", "protocol__sentences", "model__mechanism"]
KEYS += ["model__mechanisms", "uncertainty__level", "query", "report", "report__folder"]


@pytest.mark.parametrize("key", KEYS)
def test_no_value_of_a_key_escapes_as_an_error_of_the_program(write: Write, key: str) -> None:
    for value in STRANGE:
        with suppress(ConfigurationError, DataError):
            read_study(write(**{key: value}))
