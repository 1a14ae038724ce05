"""The collision law of cross-polytope hashing with Gaussian directions, by quadrature.

(X_i, Y_i), i = 1 .. k, are independent pairs of standard normals of correlation rho. The two rows
collide where X_i and Y_i have one sign and the largest magnitudes of their rows, for one i:

    P = 2 k * integral over x, y > 0 of f(x, y) F(x, y)**(k - 1),

f the bivariate density, F(x, y) = Pr(|X| < x, |Y| < y).
"""

from __future__ import annotations

from functools import lru_cache
from math import erf, log, pi, sqrt

import numpy as np

from anna_model.frozen_arrays import FloatArray

REACH = 10.0
"""Beyond this many deviations lies a mass below 2e-23 per coordinate."""

PANELS, NODES, ARC_NODES = 8, 20, 48

_erf = np.frompyfunc(erf, 1, 1)


@lru_cache(maxsize=4096)
def same_vertex_probability(distance: float, k: int) -> float:
    """Probability that two unit vectors have the same nearest vertex of the cross-polytope.

    Parameters
    ----------
    distance : float
        In 0 .. 2.
    k : int
        Gaussian directions; the polytope has 2 k vertices.

    Notes
    -----
    Accurate to about 1e-10. With rho = 1 - distance**2 / 2 and y = rho x + sqrt(1 - rho**2) w the
    density is a product, so that no correlation makes it narrow. As |Y| has the law of |-Y|, F
    depends on |rho| only, and by Plackett's identity dF/drho = 2 (f(x, y) - f(x, -y)); on
    rho = cos b that derivative is smooth in log b down to rho = 1.
    """
    if distance == 0 or distance == 2:
        return 1.0 if distance == 0 else 0.0
    rho = 1 - distance**2 / 2
    spread = distance * sqrt(1 - distance**2 / 4)  # sqrt(1 - rho**2) without cancellation
    turn = min(REACH, REACH * spread / abs(rho)) if rho else REACH  # where `lowest` has a corner
    parts = [_panels(0.0, turn)] + ([_panels(turn, REACH)] if turn < REACH else [])
    x, weight_x = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    lowest = np.maximum(-REACH, -rho * x / spread)  # y > 0
    step, weight_step = _panels(0.0, 1.0)
    reach = np.maximum(REACH - lowest, 0.0) if rho >= 0 else np.full_like(x, 2 * REACH)
    w = lowest[:, None] + reach[:, None] * step
    y = rho * x[:, None] + spread * w
    density = np.exp(-(x[:, None] ** 2 + w**2) / 2) / (2 * pi)
    inside = _both_inside(np.broadcast_to(x[:, None], y.shape), y, rho, distance)
    weights = weight_x[:, None] * reach[:, None] * weight_step
    return float(min(1.0, 2 * k * (weights * density * inside ** (k - 1)).sum()))


def _both_inside(x: FloatArray, y: FloatArray, rho: float, distance: float) -> FloatArray:
    """Pr(|X| < x, |Y| < y): the independent value, and its derivative integrated up to |rho|."""
    central = np.asarray(_erf(x / sqrt(2)) * _erf(y / sqrt(2)), np.float64)
    if rho == 0:
        return central
    closer = distance if rho > 0 else sqrt(4 - distance**2)
    angle = 2 * np.arcsin(closer / 2)  # |rho| = cos(angle)
    node, weight = np.polynomial.legendre.leggauss(ARC_NODES)
    ratio = log(pi / 2 / angle)
    arc = angle * np.exp(ratio * (node + 1) / 2)
    total = central
    for b, share in zip(arc.tolist(), (weight * ratio / 2 * arc).tolist(), strict=True):
        # x**2 - 2 x y cos b + y**2 = (x - y)**2 + 2 x y (1 - cos b), over 2 sin(b)**2.
        plus = np.exp(-((x - y) ** 2) / (2 * np.sin(b) ** 2) - x * y / (1 + np.cos(b)))
        minus = np.exp(-(x**2 + 2 * x * y * np.cos(b) + y**2) / (2 * np.sin(b) ** 2))
        total = total + share / pi * (plus - minus)
    return np.clip(total, 0.0, 1.0)


def _panels(low: float, high: float) -> tuple[FloatArray, FloatArray]:
    node, weight = np.polynomial.legendre.leggauss(NODES)
    width = (high - low) / PANELS
    starts = low + width * np.arange(PANELS)
    nodes = (starts[:, None] + width * (node + 1) / 2).reshape(-1)
    return nodes, np.tile(weight * width / 2, PANELS)
