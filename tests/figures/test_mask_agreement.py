import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures.mask_agreement import plot_mask_agreement
from causalhyper.figures.style import new_axes
from causalhyper.granger.masks import Masks
from causalhyper.granger.masks.agreement import compare_masks


def found():
    rng = np.random.default_rng(0)
    draws = [Masks({"fc": rng.random((30, 40)) < 0.1}) for _ in range(5)]
    return compare_masks({"causal": draws[:2], "magnitude": draws[2:]})


def test_every_pair_has_a_block_whose_shares_sum_to_100():
    axes = found().plot()
    assert len(axes.patches) == 4 * 2 * 3
    shares = [float(t.get_text()) for t in axes.texts if t.get_text().replace(".", "").isdigit()]
    sums = np.add.reduceat(shares, np.arange(0, len(shares), 4))
    np.testing.assert_allclose(sums, 100, atol=0.2)


def test_darker_cells_are_larger_shares():
    axes = found().plot()
    shares = [float(t.get_text()) for t in axes.texts if t.get_text().replace(".", "").isdigit()]
    order = np.argsort([patch.get_alpha() for patch in axes.patches], kind="stable")
    assert (np.diff(np.array(shares)[order]) >= -0.051).all()


def test_it_draws_on_the_axes_given_and_names_the_methods():
    axes = new_axes()
    assert found().plot("causal", "magnitude", ax=axes) is axes
    assert axes.get_ylabel() == "pruned by causal"
    assert axes.get_xlabel() == "pruned by magnitude"


def test_a_pair_of_methods_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationError, match="causal, magnitude"):
        found().plot("causal", "lamp")


def test_shares_beyond_one_are_refused():
    frame = found().to_frame()
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        plot_mask_agreement(frame.assign(neither=1.5))
