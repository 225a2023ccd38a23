import html
import io
import json
import re
from typing import Any

import jsonschema
import pandas as pd
import pytest

import causalhyper as ch
from causalhyper import LINEAR, Analysis, ConfigurationError, DataError
from causalhyper.frames import select_runs
from causalhyper.report import document_bytes, document_schema
from causalhyper.report.result_sections import result_section, verdict_of
from causalhyper.study import (
    STUDY_SCHEMA,
    StudyResults,
    check_study,
    read_study,
    run_study,
    study_document,
    study_files,
    study_schema,
)
from causalhyper.study.parts import split_runs
from causalhyper.study.verbs import VERBS
from tests.report.conftest import GRAPH, ROLES, simulate_runs
from tests.study.conftest import STUDY, Write, toml, two_designs

EVERY: list[dict[str, Any]] = [
    {"ask": "analyze"},
    {"ask": "effect_curve", "at": [64]},
    {"ask": "mediate", "mediators": ["N", "S"], "controlled": {"N": 0.1, "S": 3}},
    {"ask": "ablate", "fix_node": {"S": 3}},
    {"ask": "path_effects", "paths": ["B -> N -> S -> C -> G"], "coupling": "independent"},
    {"ask": "shapley", "players": "paths"},
    {"ask": "refit_without", "edge": "N -> S"},
    {"ask": "marginalise", "node": "S"},
    {"ask": "do", "setting": {"B": [16, 64]}, "quantiles": [0.5], "above": 0.8},
    {"ask": "counterfactual", "setting": {"B": 64}, "runs": ["r0", "r1"]},
    {"ask": "policy", "cost": {"weight_norm": 1e-4}},
    {"ask": "power", "effects": 0.01, "clusters": [10, 20]},
    {"ask": "robustness", "refits": 20, "draws": 100, "rhos": [-0.5, 0.5]},
    {"ask": "identify", "mediators": "S"},
    {"ask": "check_independencies", "flips": 99},
    {"ask": "falsify", "flips": 99, "permutations": 10, "keep": "B"},
    {"ask": "randomisation_test", "assignments": 99},
    {"ask": "wild_contrasts", "weight_sets": 99},
]


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    """All verbs asked of one study."""
    folder = tmp_path_factory.mktemp("every")
    simulate_runs().to_csv(folder / "runs.csv", index=False)
    (folder / "study.toml").write_text(toml(STUDY | {"query": EVERY}), "utf-8")
    return run_study(read_study(folder / "study.toml"))


def test_every_verb_gives_what_it_gives_when_it_is_called(every: StudyResults) -> None:
    (part,) = every.parts
    assert [a.asked.verb for a in part.answers] == list(VERBS)
    runs = simulate_runs()
    model = ch.fit(GRAPH, runs, ROLES, protocol="equal updates", cluster="seed", mechanisms=LINEAR)
    effect: dict[str, Any] = {"at": [16, 64], "baseline": 512, "draws": 100}
    held = {"N": 0.1, "S": 3.0}
    called = {
        "analyze": ch.analyze(model, "B", "G", **effect),
        "effect_curve": ch.effect_curve(model, "B", "G", **effect | {"at": [64]}),
        "mediate": ch.mediate(model, "B", "G", ["N", "S"], controlled=held, **effect),
        "ablate": ch.ablate(model, "B", "G", ch.FixNode("S", 3), **effect),
        "shapley": ch.shapley(model, "B", "G", "paths", **effect),
        "do": ch.do(model, {"B": [16, 64]}, "G", quantiles=[0.5], above=0.8, draws=100),
        "counterfactual": ch.counterfactual(model, {"B": 64}, "G", runs=["r0", "r1"], draws=100),
        "policy": ch.policy(
            model, "B", "G", at=[16, 64], cost={"weight_norm": 1e-4}, runs=runs, draws=100
        ),
        "power": ch.power(model, "B", "G", effects=0.01, clusters=[10, 20], **effect),
        "identify": ch.identify(GRAPH, "B", "G", mediators="S"),
        "check_independencies": ch.check_independencies(model, flips=99),
    }
    for answer in part.answers:
        if answer.asked.verb in called:
            expected = called[answer.asked.verb].to_frame()
            pd.testing.assert_frame_equal(answer.result.to_frame(), expected, check_exact=True)


def test_the_document_has_every_result_and_fits_its_schema(every: StudyResults) -> None:
    document = json.loads(document_bytes(study_document(every, "causalhyper run study.toml")))
    jsonschema.validate(document, study_schema())
    assert document["schema"] == STUDY_SCHEMA
    (part,) = document["parts"]
    assert [query["ask"] for query in part["queries"]] == list(VERBS)
    jsonschema.validate(part["queries"][0]["document"], document_schema())
    for query, answer in zip(part["queries"], every.parts[0].answers, strict=True):
        frame = answer.result.to_frame()
        assert query["columns"] == list(frame.columns)
        assert len(query["rows"]) == len(frame)
        assert query["summary"] == answer.result.summary()
    assert part["queries"][2]["options"]["controlled"] == {"N": 0.1, "S": 3.0}


def test_a_study_writes_its_report_its_results_and_a_table_a_query(every: StudyResults) -> None:
    files = study_files(every, "causalhyper run study.toml")
    folder = every.plan.source.parent / "report"
    tables = [p.name for p in files if p.parent == folder / "tables"]
    assert tables == [f"1-all-{i}-{name}.csv" for i, name in enumerate(VERBS, start=1)]
    page = files[folder / "index.html"].decode()
    assert "<title>A study</title>" in page
    assert files == study_files(every, "causalhyper run study.toml")
    table = pd.read_csv(io.BytesIO(files[folder / "tables" / "1-all-1-analyze.csv"]))
    exact = every.parts[0].answers[0].result.to_frame()
    assert table["estimate"].tolist() == exact["estimate"].tolist()


def test_the_page_of_a_study_shows_every_query_in_the_order_of_its_file(
    every: StudyResults,
) -> None:
    page = study_files(every, "causalhyper run study.toml")
    text = page[every.plan.source.parent / "report" / "index.html"].decode()
    assert len(text.encode()) < 500_000
    asked = re.findall(r"Query (\d+) of the study file: (\w+)", text)
    assert asked == [(str(i), name) for i, name in enumerate(VERBS, start=1)]
    titles = re.findall(r'<h3 id="[^"]+">2\.\d+\. ([^<]+)</h3>', text)
    assert titles[3:-3] == [
        html.escape(result_section(answer.result).title) for answer in every.parts[0].answers
    ]
    words = html.unescape(text)
    assert every.plan.text in words
    assert all(verdict_of(answer.result) in words for answer in every.parts[0].answers)


def test_a_study_without_an_analysis_has_a_page(write: Write) -> None:
    path = write(query=[{"ask": "identify"}, {"ask": "check_independencies", "flips": 99}])
    results = run_study(read_study(path))
    page = study_files(results, "x")[path.parent / "report" / "index.html"].decode()
    assert "The effect of B on G is identified." in page
    assert "Effect curve" not in page


def test_a_notebook_shows_a_study_and_its_check(every: StudyResults) -> None:
    assert "StudyResults" in every._repr_html_()
    assert "<table" in every._repr_html_()
    assert "StudyCheck" in check_study(every.plan)._repr_html_()


def test_the_estimates_of_a_study_are_one_table(every: StudyResults) -> None:
    frame = every.to_frame()
    assert list(frame.columns[:3]) == ["part", "asked", "query"]
    first = every.parts[0].answers[0].result
    assert isinstance(first, Analysis)
    assert frame.loc[frame["asked"] == 1, "estimate"].tolist() == [
        e.estimate for e in first.estimates
    ]
    assert "[[query]] 14 (identify)" in every.summary()


def test_each_design_is_analysed_apart_under_its_own_protocol(write: Write) -> None:
    sentences = {"updates": "equal updates", "epochs": "equal epochs"}
    path = write(two_designs(), protocol={"by": "design", "sentences": sentences})
    results = run_study(read_study(path))
    assert [found.part.protocol for found in results.parts] == list(sentences.values())
    for found, design in zip(results.parts, sentences, strict=True):
        model = ch.fit(
            GRAPH,
            select_runs(two_designs(), [f"design={design}"]),
            ROLES,
            protocol=sentences[design],
            cluster="seed",
            mechanisms=LINEAR,
        )
        called = ch.analyze(model, "B", "G", at=[16, 64], baseline=512, draws=100)
        pd.testing.assert_frame_equal(
            found.answers[0].result.to_frame(), called.to_frame(), check_exact=True
        )
    page = study_files(results, "x")[path.parent / "report" / "index.html"].decode()
    assert all(sentence in page for sentence in sentences.values())


def test_each_cell_is_analysed_apart_and_its_values_stand_in_the_protocol(write: Write) -> None:
    sentences = {"updates": "equal updates", "epochs": "equal epochs"}
    protocol = {"by": "design", "sentences": sentences}
    plan = read_study(write(two_designs(), protocol=protocol, data__each=["dataset"]))
    parts = split_runs(plan)
    assert [part.protocol for part in parts] == [
        "equal updates; dataset cora",
        "equal updates; dataset pubmed",
        "equal epochs; dataset cora",
        "equal epochs; dataset pubmed",
    ]
    assert parts[0].name == "design updates, dataset cora"
    assert sum(len(part.runs) for part in parts) == len(two_designs())
    for part in parts:
        assert set(part.runs["dataset"]) == {dict(part.values)["dataset"]}
        assert set(part.runs["design"]) == {dict(part.values)["design"]}


def test_where_leaves_runs_out_before_they_are_parted(write: Write) -> None:
    plan = read_study(write(two_designs(), data__where="design=epochs", data__each="seed"))
    parts = split_runs(plan)
    assert [part.name for part in parts] == [f"seed {seed}" for seed in range(8)]
    assert {design for part in parts for design in part.runs["design"]} == {"epochs"}


def test_runs_without_a_value_that_parts_them_are_refused(write: Write) -> None:
    runs = two_designs()
    runs.loc[3, "dataset"] = None
    with pytest.raises(DataError, match="1 runs have no 'dataset', by which runs are parted"):
        split_runs(read_study(write(runs, data__each="dataset")))


def test_an_error_names_file_query_and_part(write: Write) -> None:
    plan = read_study(
        write(
            two_designs(),
            protocol={"by": "design", "sentences": {"updates": "u", "epochs": "e"}},
            query=[{"ask": "analyze"}, {"ask": "effect_curve", "at": [4096]}],
        )
    )
    with pytest.raises(ConfigurationError) as caught:
        run_study(plan)
    assert str(caught.value).startswith(
        f"{plan.source}: [[query]] 2 (effect_curve), design updates: "
    )


def test_wrong_data_are_told_with_the_part_and_all_problems(write: Write) -> None:
    runs = two_designs()
    runs.loc[30, "test_accuracy"] = 83.9
    runs.loc[31, "grad_noise"] = -1.0
    protocol = {"by": "design", "sentences": {"updates": "u", "epochs": "e"}}
    with pytest.raises(DataError) as caught:
        run_study(read_study(write(runs, protocol=protocol)))
    assert "study.toml, design epochs: the runs frame has 3 problems:" in str(caught.value)
    assert {problem.column for problem in caught.value.problems} == {
        "test_accuracy",
        "grad_noise",
    }


def test_progress_runs_from_nothing_to_all_of_it(write: Write) -> None:
    told: list[float] = []
    query = [{"ask": "effect_curve"}, {"ask": "identify"}, {"ask": "effect_curve"}]
    run_study(read_study(write(query=query, report__html=False)), told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
