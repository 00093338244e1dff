"""Areas and integrals of which the cuts of solids are made: discs, chords, lenses, layers.

Lengths are mm, areas mm2, volumes mm3. A body of revolution is given as ``Piece`` after piece
along its axis. What is not elementary is one integral over layers, split where a circle starts to
be cut and mapped so that square roots at the ends of a part become smooth; Gauss-Legendre then
leaves less than 1e-9 of the volume (``tests/phantoms/test_cuts.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from rtplan.geometry.grid import FloatArray, read_only

# Directions closer to an axis than this take the formula of the axis; closer to a right angle with
# it than ``LEVEL``, that across it.
ALONG = 1e-9
LEVEL = 1e-6
# A ball's centre nearer to an axis than this lies on it.
_ON_AXIS_MM = 1e-9
_NODES = 32


@dataclass(frozen=True, slots=True)
class Piece:
    """A body of revolution between two heights on its axis.

    ``square`` holds the coefficients (c2, c1, c0) of the squared radius as a polynomial of height.
    """

    low_mm: float
    high_mm: float
    square: tuple[float, float, float]


def segment(distance: ArrayLike, radius: ArrayLike) -> FloatArray:
    """Area of a disc beyond the chord at ``distance`` from its centre; both broadcast."""
    r = np.asarray(radius, dtype=float)
    p = np.clip(np.asarray(distance, dtype=float), -r, r)
    root = np.sqrt((r - p) * (r + p))
    return np.asarray(r**2 * np.arctan2(root, p) - p * root)


def segment_integral(distance: ArrayLike, radius: float) -> FloatArray:
    """An antiderivative of ``segment``: 0 beyond the disc, ``pi R^2 p`` before it."""
    p = np.asarray(distance, dtype=float)
    q = np.clip(p, -radius, radius)
    rest = np.maximum(radius**2 - q**2, 0.0)
    within = q * radius**2 * np.arccos(q / radius) - radius**2 * np.sqrt(rest) + rest**1.5 / 3
    return np.asarray(within + np.pi * radius**2 * np.minimum(p + radius, 0.0))


def cap(distance: ArrayLike, radius: ArrayLike) -> FloatArray:
    """Volume of a ball beyond a plane at ``distance`` from its centre; both broadcast."""
    r = np.asarray(radius, dtype=float)
    p = np.clip(np.asarray(distance, dtype=float), -r, r)
    # Factored: the polynomial of p loses its digits where the plane nearly touches.
    return np.asarray(np.pi / 3 * (2 * r + p) * (r - p) ** 2)


def cylinder_above(
    offset: FloatArray, *, radius: float, height: float, along: float, across: float
) -> FloatArray:
    """Volumes (n,) of a cylinder beyond planes at ``offset`` (n,) from its middle.

    ``along`` and ``across`` are the parts of the planes' unit normal along its axis and across.
    """
    along = abs(along)
    if across < ALONG:
        return np.asarray(np.pi * radius**2 * np.clip(height / 2 - offset, 0.0, height))
    if along < LEVEL:
        return height * segment(offset / across, radius)
    reach = along * height / 2
    upper = segment_integral((offset + reach) / across, radius)
    lower = segment_integral((offset - reach) / across, radius)
    return np.asarray((upper - lower) * across / along)


def lens(first: ArrayLike, second: ArrayLike, apart: float) -> FloatArray:
    """Area common to two discs of radius ``first`` and ``second``, centres ``apart`` > 0."""
    r, q = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    # The common chord; where the circles do not meet, clipping gives nothing or the smaller disc.
    chord = (apart**2 + (r - q) * (r + q)) / (2 * apart)
    return segment(chord, r) + segment(apart - chord, q)


def integrate(
    values: Callable[[FloatArray], FloatArray], breaks: FloatArray, *, nodes: int = _NODES
) -> FloatArray:
    """Integrals (n,) of ``values`` over parts that end at ``breaks`` (n, m), in any order.

    ``values`` maps positions (n, m - 1, nodes) to values of that shape, and may have square roots
    at the breaks.
    """
    ends = np.sort(breaks, axis=-1)
    half = np.diff(ends)[..., None] / 2
    middle = (ends[..., :-1] + ends[..., 1:])[..., None] / 2
    at, weights = _legendre(nodes)
    turn = np.pi / 2 * at
    stretched = weights * np.pi / 2 * np.cos(turn)
    return np.asarray(
        np.sum(half * stretched * values(middle + half * np.sin(turn)), axis=(-2, -1))
    )


def root_integral(alpha: float, beta: FloatArray, reach: FloatArray) -> FloatArray:
    """Integral of ``sqrt(y (alpha y + beta))`` over y from 0 to ``reach``; beta >= 0.

    Closed forms for a hyperbola (alpha > 0) and an ellipse (alpha < 0) lose digits where the
    bend ``alpha reach / beta`` is small; there the integrand is smooth after ``y = reach v^2``
    and Gauss-Legendre is exact to rounding.
    """
    bend = alpha * reach / np.maximum(beta, 1e-200)
    nodes, weights = _legendre(32)
    v2 = ((nodes + 1) / 2) ** 2
    gentle = np.clip(bend, -1.0, 1.0)
    smooth = np.sqrt(np.maximum(1 + np.outer(gentle, v2), 0.0)) @ (weights * v2)
    result = np.asarray(reach**1.5 * np.sqrt(beta) * smooth)
    bent = np.abs(bend) > 0.25
    if bent.any():
        y, b = reach[bent], beta[bent]
        root = np.sqrt(np.maximum(y * (alpha * y + b), 0.0))
        first = (2 * alpha * y + b) / (4 * alpha) * root
        if alpha > 0:
            result[bent] = first - b**2 / (8 * alpha**1.5) * np.arccosh(1 + 2 * bend[bent])
        else:
            turn = np.arccos(np.clip(1 + 2 * bend[bent], -1.0, 1.0))
            result[bent] = first + b**2 / (8 * (-alpha) ** 1.5) * turn
    return result


def revolution_above(
    pieces: Sequence[Piece], offset: FloatArray, *, along: float, across: float
) -> FloatArray:
    """Volumes (n,) of a body of revolution beyond planes.

    Parameters
    ----------
    pieces : sequence of Piece
    offset : (n,) float
        Distance of each plane from the origin of the heights, mm.
    along, across : float
        Parts of the plane's unit normal along the axis and across it; ``across`` above 0.
    """
    t = np.asarray(offset, dtype=float)
    total = np.zeros_like(t)
    for piece in pieces:
        c2, c1, c0 = piece.square
        # The plane touches the circle at the height z where (t - along z)^2 = across^2 r^2(z).
        touches = real_roots(
            np.full_like(t, along**2 - across**2 * c2),
            -2 * t * along - across**2 * c1,
            t**2 - across**2 * c0,
        )

        def layer(z: FloatArray, square: tuple[float, float, float] = piece.square) -> FloatArray:
            return segment((t[:, None, None] - along * z) / across, _radius(square, z))

        total += integrate(layer, _breaks(piece, touches))
    return total


def revolution_within(
    pieces: Sequence[Piece], radius: FloatArray, *, height: float, aside: float
) -> FloatArray:
    """Volumes (n,) of a body of revolution within balls about one centre.

    Parameters
    ----------
    pieces : sequence of Piece
    radius : (n,) float
        Radius of each ball, mm.
    height, aside : float
        The centre's height on the axis and distance from it, mm.
    """
    rho = np.asarray(radius, dtype=float)
    total = np.zeros_like(rho)
    for piece in pieces:

        def layer(z: FloatArray, square: tuple[float, float, float] = piece.square) -> FloatArray:
            own = _radius(square, z)
            ball = np.sqrt(np.maximum(rho[:, None, None] ** 2 - (z - height) ** 2, 0.0))
            if aside < _ON_AXIS_MM:
                return np.asarray(np.pi * np.minimum(own, ball) ** 2)
            return lens(own, ball, aside)

        touches = _ball_touches(piece.square, rho, height=height, aside=aside)
        poles = np.stack([height - rho, height + rho], axis=-1)
        total += integrate(layer, _breaks(piece, np.concatenate([touches, poles], axis=-1)))
    return total


def _ball_touches(
    square: tuple[float, float, float], rho: FloatArray, *, height: float, aside: float
) -> FloatArray:
    """Heights (n, m) where the body's circle and the ball's touch, among others."""
    c2, c1, c0 = square
    one = np.ones_like(rho)
    # r^2 - q^2 and r^2 + q^2, with the ball's q^2 = rho^2 - (z - height)^2.
    b2, b1 = -one, 2 * height * one
    b0 = rho**2 - height**2
    d2, d1, d0 = c2 - b2, c1 - b1, c0 - b0
    if aside < _ON_AXIS_MM:
        return real_roots(d2, d1, d0)
    s2, s1, s0 = c2 + b2, c1 + b1, c0 + b0
    # The circles touch where (r + q)^2 or (r - q)^2 is e^2, both roots of
    # (r^2 - q^2)^2 - 2 e^2 (r^2 + q^2) + e^4.
    e2 = aside**2
    return real_roots(
        d2**2,
        2 * d2 * d1,
        d1**2 + 2 * d2 * d0 - 2 * e2 * s2,
        2 * d1 * d0 - 2 * e2 * s1,
        d0**2 - 2 * e2 * s0 + e2**2,
    )


@cache
def _legendre(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Gauss-Legendre on -1 to 1."""
    at, weights = np.polynomial.legendre.leggauss(nodes)
    return read_only(at), read_only(weights)


def real_roots(*coefficients: FloatArray) -> FloatArray:
    """Real parts (n, degree) of the roots of n polynomials, highest coefficient (n,) first."""
    table = np.stack(np.broadcast_arrays(*coefficients), axis=-1)
    size = np.abs(table).max(axis=-1, keepdims=True)
    table = table / np.where(size > 0, size, 1.0)
    while table.shape[-1] > 1 and np.abs(table[:, 0]).min(initial=1.0) < 1e-14:
        table = table[:, 1:]
    degree = table.shape[-1] - 1
    companion = np.zeros((len(table), degree, degree))
    if degree == 0:
        return np.zeros((len(table), 0))
    companion[:, 0, :] = -table[:, 1:] / table[:, :1]
    companion[:, np.arange(1, degree), np.arange(degree - 1)] = 1.0
    return np.asarray(np.linalg.eigvals(companion).real)


def _radius(square: tuple[float, float, float], z: FloatArray) -> FloatArray:
    """Radius at height ``z``."""
    c2, c1, c0 = square
    return np.asarray(np.sqrt(np.maximum((c2 * z + c1) * z + c0, 0.0)))


def _breaks(piece: Piece, inner: FloatArray) -> FloatArray:
    """The ends of a piece and the heights between them, (n, m + 2)."""
    ends = np.broadcast_to([piece.low_mm, piece.high_mm], (len(inner), 2))
    return np.concatenate([ends, np.clip(inner, piece.low_mm, piece.high_mm)], axis=-1)
