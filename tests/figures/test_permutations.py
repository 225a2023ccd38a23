from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures import new_axes, plot_permutations

SHARES = pd.DataFrame({"fraction": [0.2, 0.4, 0.4, 0.8, 0.8, 0.8]})


def bars(ax):
    return {
        container.get_label(): {
            round(b.get_x() + b.get_width() / 2, 6): int(b.get_height()) for b in container
        }
        for container in ax.containers
    }


def test_bars_count_the_permutations_and_those_as_good_stand_apart():
    assert bars(plot_permutations(SHARES, given=0.4)) == {
        "permuted, as good or better": {0.2: 1, 0.4: 2},
        "permuted, worse": {0.8: 3},
    }


def test_the_given_hypergraph_is_marked_where_it_stands():
    (line,) = plot_permutations(SHARES, given=0.3).get_lines()
    np.testing.assert_array_equal(line.get_xdata(), [0.3, 0.3])


def test_the_legend_names_only_what_is_drawn():
    legend = plot_permutations(SHARES, given=0.1).get_legend()
    texts = {text.get_text() for text in legend.get_texts()}
    assert texts == {"permuted, worse", "the hypergraph as given"}


def test_bars_do_not_overlap():
    ax = plot_permutations(SHARES, given=0.4)
    edges = sorted((b.get_x(), b.get_x() + b.get_width()) for c in ax.containers for b in c)
    assert all(left[1] <= right[0] for left, right in pairwise(edges))


def test_it_draws_on_the_axes_given():
    axes = new_axes()
    assert plot_permutations(SHARES, given=0.4, ax=axes) is axes


@pytest.mark.parametrize(
    ("frame", "given", "said"),
    [
        (pd.DataFrame({"share": [0.5]}), 0.5, "missing: fraction"),
        (SHARES.head(0), 0.5, "at least one row"),
        (SHARES, 1.5, "between 0 and 1"),
        (pd.DataFrame({"fraction": [-0.1]}), 0.5, "between 0 and 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(frame, given, said):
    with pytest.raises(ConfigurationError, match=said):
        plot_permutations(frame, given=given)
