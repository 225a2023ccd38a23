import subprocess
import sys

import pytest
from hypothesis import given

from causalhyper.errors import ConfigurationError, GraphError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.exports import from_xgi, load_library, to_xgi
from tests.hypergraph.strategies import hypergraphs

xgi = pytest.importorskip("xgi")


@given(hypergraphs())
def test_xgi_keeps_nodes_hyperedges_and_latents_in_their_order(h):
    again = from_xgi(to_xgi(h))
    assert again.nodes == h.nodes
    assert [(e.tail, e.head) for e in again.edges] == [(e.tail, e.head) for e in h.edges]
    assert again.latent == h.latent


@given(hypergraphs())
def test_xgi_counts_what_the_hypergraph_has(h):
    graph = to_xgi(h)
    assert graph.num_nodes == len(h.nodes)
    assert graph.num_edges == len(h.edges) + len(h.latent)
    into = graph.nodes.in_degree.asdict()
    ends = [v for pair in h.latent for v in pair]
    assert into == {v: len(h.into(v)) + ends.count(v) for v in h.nodes}


@given(hypergraphs())
def test_a_hypergraph_survives_xgis_interchange_format(h):
    assert from_xgi(xgi.from_hif_dict(xgi.to_hif_dict(to_xgi(h)))) == h


def test_any_dihypergraph_with_single_heads_is_read():
    graph = xgi.DiHypergraph([(["N", "S"], ["C"]), ([], ["S", "N"])])
    assert str(from_xgi(graph)) == "{N, S} -> C; N <-> S"


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (xgi.Hypergraph([["N", "S"]]), "expected an xgi.DiHypergraph; got Hypergraph"),
        (xgi.DiHypergraph([(["N"], ["C", "G"])]), r"has heads \['C', 'G'\]; expected exactly one"),
        (xgi.DiHypergraph([(["N"], ["N"])]), "among its own causes"),
        (xgi.DiHypergraph([([], ["N"])]), "is empty"),
        (xgi.DiHypergraph([([1], [2])]), "the name 1 is not valid"),
    ],
)
def test_what_is_no_hypergraph_is_refused(graph, message):
    with pytest.raises(GraphError, match=message):
        from_xgi(graph)


def test_a_missing_library_is_named_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgi", None)
    with pytest.raises(
        ConfigurationError, match=r"needs xgi.*pip install 'causalhyper\[interop\]"
    ):
        to_xgi(DirectedHypergraph.parse("B -> N"))


def test_a_library_that_is_broken_shows_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("import what_it_lacks")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="what_it_lacks"):
        load_library("broken_library")


def test_importing_the_exports_imports_no_optional_library():
    code = (
        "import causalhyper.hypergraph.exports, causalhyper.scm.exports, sys; "
        "sys.exit(bool({'xgi', 'dowhy', 'pgmpy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
