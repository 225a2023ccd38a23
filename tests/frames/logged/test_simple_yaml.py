import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.simple_yaml import read_yaml
from causalhyper.frames.logged.values import parse_number

yaml = pytest.importorskip("yaml")

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats() | NAMES
KEYS = st.text("abc_/.- ", min_size=1, max_size=8)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


def same(found, wanted):
    """Equal, where a text that is a number may be read as that number."""
    if isinstance(wanted, dict):
        return list(found) == list(wanted) and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, str) and not isinstance(found, str):
        return same(found, parse_number(wanted))
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_whatever_a_logger_writes_comes_back(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "hparams.yaml"
    text = yaml.safe_dump(content)
    file.write_text(text, "utf-8")
    wanted = {str(name): value for name, value in yaml.safe_load(text).items()}
    assert same(read_yaml(file), wanted)


def test_parameters_of_the_usual_form_need_no_pyyaml(tmp_path, monkeypatch):
    content = {
        "lr": 1e-3,
        "act": "relu: x",
        "layers": [64, "32"],
        "none": None,
        "opt": {"name": "sgd", "momentum": 0.9, "nesterov": False, "empty": {}},
        "note": "it's 5 o'clock",
        "worst": math.nan,
    }
    file = tmp_path / "hparams.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert same(read_yaml(file), content)


def test_tags_of_python_objects_build_nothing_but_plain_values(tmp_path):
    file = tmp_path / "hparams.yaml"
    file.write_text(
        "size: !!python/tuple\n- 1\n- 2\n"
        "run: !!python/object/apply:os.system ['exit 1']\n"
        "kind: !!python/name:os.system ''\n"
    )
    assert read_yaml(file) == {"size": [1, 2], "run": ["exit 1"], "kind": ""}


def test_yaml_beyond_the_simple_form_without_pyyaml_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("a: &x [1]\nb: *x\n")
    with pytest.raises(ConfigurationError, match="pip install pyyaml"):
        read_yaml(tmp_path / "a.yaml")


@pytest.mark.parametrize("text", ["a: [1\n", "- 1\n- 2\n", "just words\n", "a: b: c\n\tx"])
def test_what_is_no_mapping_is_refused_with_the_file_named(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(DataError, match=r"bad\.yaml"):
        read_yaml(tmp_path / "bad.yaml")
