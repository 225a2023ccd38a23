"""Sums of products by cluster, however many rows a cluster has."""

import numpy as np
import pytest

from causalhyper.mechanisms.grams import cluster_grams


@pytest.mark.parametrize("rows", [40, 4000])
@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("marked", [True, False])
def test_a_clusters_gram_is_the_product_of_its_rows(rows, in_order, marked):
    # cluster 3 is empty; 40 rows are summed by pairs of columns, 4,000 cluster by cluster
    rng = np.random.default_rng(rows)
    clusters = rng.choice([0, 1, 2, 4], rows)
    clusters = np.sort(clusters) if in_order else clusters
    columns, y, codes = rng.normal(size=(rows, 3)), rng.normal(size=rows), rng.integers(0, 2, rows)
    table = np.column_stack([columns, codes == 0, codes == 1]) if marked else columns
    found = cluster_grams(columns, y, clusters, 5, (codes, 2) if marked else None)
    for c in range(5):
        inside = table[clusters == c]
        assert found.xx[c] == pytest.approx(inside.T @ inside, abs=1e-10)
        assert found.xy[c] == pytest.approx(inside.T @ y[clusters == c], abs=1e-10)
