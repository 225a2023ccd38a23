"""Group lasso and elastic net paths are those of adelie."""

import json
from pathlib import Path

import numpy as np
import pytest

from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path

STORED = json.loads(Path(__file__).with_name("adelie_penalties.json").read_text())


@pytest.mark.parametrize("name", ["group lasso", "elastic net"])
def test_paths_are_adelies(name):
    theirs = STORED[name]
    x, y = DenseColumns(np.array(STORED["x"])), np.array(STORED["y"])
    common = {"lambdas": theirs["lambdas"], "tolerance": 1e-11}
    if name == "group lasso":
        path = group_lasso_path(x, y, groups=STORED["edges"], **common)
    else:
        path = elastic_net_path(x, y, l1_ratio=0.3, **common)
    ours = np.stack([path.dense(at) for at in range(len(path))])
    np.testing.assert_allclose(ours, theirs["coefficients"], atol=1e-5)
    assert np.count_nonzero(theirs["coefficients"][-1]) > 5
