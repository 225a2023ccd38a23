"""The spectral density: moments, atoms and uncertainty against the dense spectrum."""

import math

import numpy as np
import pytest
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.curvature import eigenvalues, spectral_density
from tests.collectors.curvature.samples import (
    classified,
    convolutional,
    dense_hessian,
    draw,
    entropy,
    images,
    network,
    seeded,
    spectrum,
)


def tanh_case():
    model, data = convolutional(activation=nn.Tanh), images()
    return model, data, spectrum(dense_hessian(model, entropy, *data))


def test_a_probe_carries_the_moments_of_its_start_up_to_twice_the_steps():
    # quadrature is exact for polynomials of degree 2 steps - 1: one probe, steps 4 against 40
    model, data, _ = tanh_case()
    few = spectral_density(model, entropy, data, probes=1, steps=4)
    many = spectral_density(model, entropy, data, probes=1, steps=40)
    for order in range(8):
        assert few.moment(order)[0] == pytest.approx(many.moment(order)[0], rel=1e-9)
    assert few.moment(8)[0] != pytest.approx(many.moment(8)[0], rel=1e-6)


def test_moments_agree_with_the_exact_ones_within_their_standard_error():
    model, data, true = tanh_case()
    found = spectral_density(model, entropy, data, probes=60, steps=5)
    for order in range(1, 4):
        value, se = found.moment(order)
        assert abs(value - np.mean(true**order)) < 4 * se
        assert se < 0.4 * np.mean(np.abs(true) ** order)


def test_the_weights_of_each_probe_add_to_one():
    model, data, _ = tanh_case()
    found = spectral_density(model, entropy, data, probes=3)
    assert [w.sum() for w in found.weights] == pytest.approx([1, 1, 1], rel=1e-12)
    assert found.products == 120
    assert found.share()[0] == pytest.approx(1)


def test_a_kept_space_gives_atoms_and_one_probe_for_nothing():
    model, data, true = tanh_case()
    top = eigenvalues(model, entropy, data, k=4, tolerance=1e-9, keep=True)
    free = spectral_density(model, entropy, data, probes=0, reuse=top)
    assert free.products == top.products
    assert len(free.nodes) == 1
    assert sorted(free.atoms)[::-1] == pytest.approx(true[:4], rel=1e-8)
    assert free.share()[0] == pytest.approx(1)
    low, high = (true[4] + true[3]) / 2, math.inf
    assert free.share(low, high)[0] == pytest.approx(4 / 69)
    assert math.isnan(free.moment(1)[1])


def test_atoms_leave_fresh_probes_unbiased_and_quieter():
    model, data, true = tanh_case()
    top = eigenvalues(model, entropy, data, k=6, tolerance=1e-9, keep=True)
    options = {"probes": 30, "steps": 8, "generator": seeded(3)}
    plain = spectral_density(model, entropy, data, **options)
    with_atoms = spectral_density(model, entropy, data, reuse=top, **options)
    for order in (1, 2, 3):
        value, se = with_atoms.moment(order)
        assert abs(value - np.mean(true**order)) < 4 * se + 1e-9
    assert with_atoms.moment(2)[1] < 0.5 * plain.moment(2)[1]
    assert [w.sum() for w in with_atoms.weights] == pytest.approx([63 / 69] * 31)


def test_the_smoothed_density_is_the_spectrum_convolved_with_the_stated_kernel():
    # quadrature with as many steps as parameters and many probes comes close to the truth
    model, data = network(), classified()
    true = spectrum(dense_hessian(model, entropy, *data))
    found = spectral_density(model, entropy, data, probes=50, steps=31)
    width = 0.1
    frame = found.to_frame(width=width)
    z = (frame["value"].to_numpy()[:, None] - true) / width
    exact = np.exp(-(z**2) / 2).mean(axis=1) / (width * math.sqrt(2 * math.pi))
    error = np.abs(frame["density"] - exact)
    assert (error < 5 * frame["se"] + 1e-9).all()
    assert np.trapezoid(frame["density"], frame["value"]) == pytest.approx(1, rel=5e-3)
    assert set(frame["width"]) == {width}
    assert list(frame.columns) == ["value", "density", "se", "width"]


def test_the_default_width_is_one_percent_of_the_range():
    model, data, true = tanh_case()
    found = spectral_density(model, entropy, data, probes=2, steps=69)
    assert found.width == pytest.approx((true[0] - true[-1]) / 100, rel=1e-6)
    given = found.to_frame(grid=[0.0, 1.0], width=0.5)
    assert list(given["value"]) == [0.0, 1.0]
    with pytest.raises(ConfigurationError, match="width must be above 0"):
        found.to_frame(width=0.0)


def test_a_zero_matrix_is_one_atom_of_mass_at_zero():
    model = nn.Linear(3, 1).double()
    data = (draw(5, 3), draw(5, seed=1))
    found = spectral_density(model, lambda z, y: z[:, 0] * y, data, probes=2)
    assert [nodes.tolist() for nodes in found.nodes] == [[0.0], [0.0]]
    assert found.moment(1)[0] == 0


def test_a_matrix_that_is_not_finite_warns():
    model, (x, y) = network(), classified()
    x[0, 0] = math.nan
    with pytest.warns(RuntimeWarning, match="not finite"):
        found = spectral_density(model, entropy, (x, y), probes=1)
    assert math.isnan(found.moment(1)[0])


def test_a_space_of_several_starts_is_refused():
    model, data, _ = tanh_case()
    block = eigenvalues(model, entropy, data, block=2, keep=True)
    with pytest.raises(ConfigurationError, match="block=1"):
        spectral_density(model, entropy, data, reuse=block, generator=seeded(4))
    single = eigenvalues(model, entropy, data, keep=True)
    with pytest.raises(ConfigurationError, match="seed 0 drew the space"):
        spectral_density(model, entropy, data, reuse=single)
    for options in ({"probes": 0}, {"steps": 0}):
        with pytest.raises(ConfigurationError, match="at least one probe"):
            spectral_density(model, entropy, data, **options)


def test_the_picture_names_its_kernel():
    model, data, _ = tanh_case()
    found = spectral_density(model, entropy, data, probes=2, steps=5)
    ax = found.plot()
    assert ax.get_xlabel().startswith("eigenvalue")
    assert f"(kernel {found.to_frame()['width'][0]:.2g})" in ax.get_ylabel()
    assert len(found.to_frame()) in {len(line.get_xdata()) for line in ax.get_lines()}
    assert "2 probes" in found.summary()
