"""A CT of the synthetic adult: tissues painted over one another, with texture and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray

from . import anatomy
from .implicit import Box, Sampled, Shape, Values, sample, within

_SEED = 20250310
_FAT, _MUSCLE, _SKIN, _AIR = -98.0, 52.0, 5.0, -1000.0
# Slices of texture that are made; the others repeat them, shifted.
_TILE = 20


@dataclass(frozen=True, slots=True)
class Axes:
    """Voxel centres along x, y, z, mm, ascending."""

    x_mm: FloatArray
    y_mm: FloatArray
    z_mm: FloatArray

    def part(self, box: Box) -> tuple[slice, slice, slice]:
        """Slices (k, j, i) of the voxels in a box."""
        i, j = within(self.x_mm, box.x_mm), within(self.y_mm, box.y_mm)
        return within(self.z_mm, box.z_mm), j, i

    def sample(self, shape: Shape, part: tuple[slice, slice, slice]) -> Sampled:
        """A shape at the voxels of a part."""
        k, j, i = part
        return sample(shape, self.x_mm[i], self.y_mm[j], self.z_mm[k])


Parts = Mapping[str, tuple[tuple[slice, slice, slice], Sampled]]


def hounsfield(
    axes: Axes,
    parts: Parts,
    lesions: Sequence[tuple[Shape, Box, float]],
) -> NDArray[np.int16]:
    """Hounsfield units (k, j, i) of the adult.

    Parameters
    ----------
    axes : Axes
    parts : mapping
        Of each organ's name to where it was sampled, and its values; with ``BODY`` and
        ``cavity``, sampled everywhere.
    lesions : sequence
        Of shape, box and Hounsfield units.
    """
    noise = _noise((axes.z_mm.size, axes.y_mm.size, axes.x_mm.size), blur=0.7)
    cloud = _noise(noise.shape, blur=4.0)
    hu = np.full(noise.shape, _AIR, dtype=np.float32)
    body, cavity = parts["BODY"][1].values, parts["cavity"][1].values
    _blend(hu, body, _SKIN)
    _blend(hu, body + 2.5, _FAT)
    _blend(hu, np.maximum(body + 13, -2 - cavity) + 1.5 * cloud, _MUSCLE)
    _blend(hu, cavity + 2, _FAT + 10)
    _paint_bowel(hu, axes, cavity, cloud)
    for organ in anatomy.ORGANS:
        if organ.hu is None:
            continue
        part, sampled = parts[organ.name]
        _paint_organ(hu[part], organ.name, sampled, noise[part], cloud[part], organ.hu)
    for shape, box, value in lesions:
        part = axes.part(box)
        _blend(hu[part], axes.sample(shape, part).values, value)
    _paint_couch(hu, axes)
    hu += noise * np.where(body < 0, 11.0, 5.0).astype(np.float32)
    return np.rint(np.clip(hu, -1024, 3000)).astype(np.int16)


def _blend(hu: Values, distance: Values, value: float | Values) -> None:
    """Paint where ``distance`` is below 0, with an edge about a voxel wide."""
    weight = np.clip(0.5 - distance / 2.0, 0.0, 1.0)
    hu += weight * (value - hu)


def _paint_organ(
    hu: Values, name: str, sampled: Sampled, noise: Values, cloud: Values, value: float
) -> None:
    """One organ with what is inside it."""
    f = sampled.values
    if name.startswith("Lung"):
        vessels = np.clip((np.abs(cloud) < 0.08) * 1.0 + 0.8 * (noise - 1.2), 0.0, 1.3)
        _blend(hu, f, value + 18 * cloud + 260 * vessels.astype(np.float32))
    elif name in ("vertebrae", "ribs", "sternum", "arch"):
        _blend(hu, f, 420.0)
        _blend(hu, f + 2.5, value + 25 * cloud)
        if name == "vertebrae":
            disc = np.abs(anatomy.level(sampled.z_mm) - 0.5) - 0.40
            _blend(hu, np.maximum(f, -25 * disc[:, None, None]), 85.0)
    elif name == "Stomach":
        _blend(hu, f, value + 10)
        bubble = np.maximum(f + 5, sampled.y_mm[None, :, None] + 38)
        _blend(hu, bubble, -950.0)
    elif name.startswith("Kidney"):
        _blend(hu, f, value + 14)
        _blend(hu, f + 10, value - 12)
    elif name == "Esophagus":
        _blend(hu, f, value)
        _blend(hu, f + 5.5, -300.0)
    else:
        _blend(hu, f, value + 5 * cloud)


def _paint_bowel(hu: Values, axes: Axes, cavity: Values, cloud: Values) -> None:
    """Loops of bowel in the fat in front, below the liver and the stomach."""
    z = axes.z_mm.astype(np.float32)[:, None, None]
    y = axes.y_mm.astype(np.float32)[None, :, None]
    low = within(axes.z_mm, (anatomy.BOTTOM_MM - 1, -118.0))
    f = np.maximum(cavity[low] + 8, np.maximum(y - 20 + 9 * cloud[low], (z[low] + 122) * 0.5))
    _blend(hu[low], np.maximum(f, -6 * (cloud[low] + 0.5)), 34.0)
    _blend(hu[low], np.maximum(f + 5, -8 * (cloud[low] - 1.3)), -700.0)


def _paint_couch(hu: Values, axes: Axes) -> None:
    """A carbon couch under the back."""
    x = axes.x_mm.astype(np.float32)[None, :]
    y = axes.y_mm.astype(np.float32)[:, None]
    top = 124 - 0.0003 * x**2
    inside = np.maximum(np.maximum(top - y, y - top - 26), np.abs(x) - 205)
    shell = np.maximum(inside, -2.0 - inside)
    for plane in hu:
        air = plane < -600
        board = np.where(inside < 0, -920.0, plane)
        board = np.where(shell < 0, -420.0, board)
        plane[air] = board[air]


def _noise(shape: tuple[int, int, int], *, blur: float) -> Values:
    """Smooth noise of mean 0 and standard deviation 1, the same every time.

    White noise times the transform of a Gaussian of standard deviation ``blur`` voxels in a slice
    and half that across slices.
    """
    planes, rows, columns = shape
    generator = np.random.default_rng(_SEED + int(10 * blur))
    tile = generator.standard_normal((_TILE, rows, columns), dtype=np.float32)
    spectrum = np.fft.rfftn(tile)
    waves = np.fft.fftfreq(_TILE), np.fft.fftfreq(rows), np.fft.rfftfreq(columns)
    for axis, (wave, width) in enumerate(zip(waves, (blur / 2, blur, blur), strict=True)):
        along = [1, 1, 1]
        along[axis] = wave.size
        spectrum *= np.exp(-2 * (np.pi * wave * width) ** 2).reshape(along)
    tile = np.fft.irfftn(spectrum, tile.shape, axes=(0, 1, 2)).astype(np.float32)
    tile /= tile.std()
    turns = -(-planes // _TILE)
    rolled = [np.roll(tile, (37 * n, 61 * n), axis=(1, 2)) for n in range(turns)]
    return np.concatenate(rolled)[:planes]
