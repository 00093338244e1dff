"""The organs of the synthetic adult, as shapes in mm, patient LPS, supine head first.

x runs to the patient's left, y to the back, z to the head; z = 40 is the level of the carina.
Sizes are those of a textbook adult, no one's in particular.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .implicit import (
    Box,
    Shape,
    Values,
    both,
    either,
    ellipsoid,
    oval,
    profile,
    sweep,
    without,
)

TOP_MM = 123.0
BOTTOM_MM = -210.0
CARINA_MM = 40.0
_VERTEBRA_MM = 25.0
# The disc above T12; vertebrae are 25 mm apart.
_T12_TOP_MM = -122.5

TRUNK = Box((-160.0, 160.0), (-105.0, 112.0), (BOTTOM_MM - 2, TOP_MM + 2))


def spine_y(z: Values) -> Values:
    """y of the middle of the vertebral bodies: the thoracic kyphosis."""
    return np.asarray(48 + 8 * np.cos((z - 20) / 110), dtype=np.float32)


def body(x: Values, y: Values, z: Values) -> Values:
    """The skin surface, with a groove along the back."""
    knots = (-210, -150, -80, 0, 60, 100, 125)
    half_x = profile(z, knots, (163, 160, 164, 174, 184, 190, 184))
    half_y = profile(z, knots, (109, 110, 115, 119, 115, 104, 94))
    groove = 7 * np.exp(-((x / 20) ** 2)) * (y > 40)
    return oval(x, y - 1, half_x, half_y, power=2.5) + groove.astype(np.float32)


def cavity(x: Values, y: Values, z: Values) -> Values:
    """The inner chest wall and, below it, the abdominal wall."""
    knots = (-210, -140, -60, 0, 50, 85, 108, 120)
    half_x = profile(z, knots, (126, 132, 138, 136, 120, 92, 56, 20))
    half_y = profile(z, knots, (84, 88, 92, 92, 85, 72, 50, 20))
    mid_y = profile(z, knots, (0, 1, 2, 3, 5, 12, 22, 30))
    return oval(x, y - mid_y, half_x, half_y, power=2.3)


def dome_right(x: Values, y: Values) -> Values:
    """Height z of the right diaphragm."""
    return np.asarray(-46 - 52 * ((x + 70) / 75) ** 2 - 46 * ((y + 5) / 88) ** 2, np.float32)


def dome_left(x: Values, y: Values) -> Values:
    """Height z of the left diaphragm."""
    return np.asarray(-58 - 50 * ((x - 76) / 72) ** 2 - 46 * ((y + 5) / 88) ** 2, np.float32)


heart_muscle = ellipsoid((22, -36, -30), (60, 42, 43), turn_deg=32)


def heart(x: Values, y: Values, z: Values) -> Values:
    """Heart: a tilted egg, its base towards the great vessels."""
    base = ellipsoid((4, -28, -8), (34, 32, 26))(x, y, z)
    return either(heart_muscle(x, y, z), base, seam_mm=10)


def vertebral_body(x: Values, y: Values, z: Values) -> Values:
    """The column of vertebral bodies and discs."""
    grow = profile(z, (BOTTOM_MM, 0, TOP_MM), (23, 18, 15))
    return oval(x, y - spine_y(z), grow, 0.74 * grow, power=2.5)


def canal(x: Values, y: Values, z: Values) -> Values:
    """The spinal canal."""
    return oval(x, y - spine_y(z) - 25, 10.5, 8.5)


def cord(x: Values, y: Values, z: Values) -> Values:
    """The spinal cord, to the conus at L1."""
    thin = profile(z, (-182, -170, -140, 0), (2.5, 4.5, 5.6, 5.4))
    tube = oval(x, y - spine_y(z) - 25, 1.15 * thin, 0.92 * thin)
    return both(tube, -180 - z)


def level(z: Values) -> Values:
    """How far through its vertebra a height is: 0 at the disc above, 1 at the disc below."""
    return np.asarray(np.mod((_T12_TOP_MM - z) / _VERTEBRA_MM, 1.0), dtype=np.float32)


def posterior_arch(x: Values, y: Values, z: Values) -> Values:
    """Lamina, transverse and spinous processes."""
    mid = spine_y(z)
    ring = np.abs(canal(x, y, z) - 3.0) - 2.5
    low = (level(z) - 0.62) * _VERTEBRA_MM
    spinous = oval(x, y - mid - 45, 3.5, 13.0) + 0.5 * np.maximum(np.abs(low) - 4, 0)
    across = oval(x, y - mid - 26, 31.0, 5.0) + 0.35 * np.abs((level(z) - 0.4) * _VERTEBRA_MM)
    return either(either(ring, spinous, seam_mm=3), across, seam_mm=3)


def vertebra_t12(x: Values, y: Values, z: Values) -> Values:
    """The body of T12."""
    top = _T12_TOP_MM - 2
    ends = np.maximum(z - top, top - (_VERTEBRA_MM - 4) - z)
    return both(vertebral_body(x, y, z), ends, seam_mm=2)


def oesophagus_x(z: Values) -> Values:
    """x of the oesophagus: right of the aorta in the chest, to the left at the hiatus."""
    return profile(z, (-100, -80, -50, 0, 60, 123), (24, 15, 3, -5, -2, 3))


def oesophagus_y(z: Values) -> Values:
    """y of the oesophagus."""
    return spine_y(z) + profile(z, (-100, -80, -50, 0, 123), (-40, -34, -29, -26, -22))


def oesophagus(x: Values, y: Values, z: Values) -> Values:
    """The oesophagus with its wall, from the neck to the stomach."""
    tube = oval(x - oesophagus_x(z), y - oesophagus_y(z), 9.0, 7.0)
    return both(tube, -100 - z)


def trachea(x: Values, y: Values, z: Values) -> Values:
    """The trachea, to the carina."""
    tube = oval(x - 0.5, y - spine_y(z) + profile(z, (40, 123), (44, 40)), 9.5, 8.5)
    return both(tube, CARINA_MM - z)


bronchi = sweep(
    ((-48, 16, 14), (-22, 13, 32), (0, 11, 44), (24, 15, 30), (52, 22, 10)),
    (5.5, 7.0, 8.0, 6.5, 5.0),
)

_ascending = sweep(
    ((4, -26, -2), (-9, -30, 25), (-7, -26, 48), (4, -12, 63), (15, 8, 66), (22, 26, 58)),
    (14, 15, 14, 13, 12.5, 12),
)
_pulmonary = sweep(
    ((20, -44, 2), (22, -32, 22), (8, -14, 24), (-24, -6, 20), (-46, 0, 12)),
    (13, 13, 10, 9, 6),
)
_pulmonary_left = sweep(((22, -32, 22), (38, -8, 24), (52, 6, 14)), (11, 9, 6))


def descending_aorta(x: Values, y: Values, z: Values) -> Values:
    """The descending aorta: left of the spine, to the front of it below the diaphragm."""
    at_x = profile(z, (-210, -150, -100, -40, 60), (6, 10, 20, 26, 23))
    at_y = spine_y(z) + profile(z, (-210, -150, -100, -40, 60), (-30, -30, -24, -20, -24))
    radius = profile(z, (-210, 60), (9.5, 12))
    return both(oval(x - at_x, y - at_y, radius, radius), z - 60)


def great_vessels(x: Values, y: Values, z: Values) -> Values:
    """Aorta, superior vena cava and pulmonary arteries, from the heart to the hila."""
    cava = both(oval(x + 22, y + 18, 9.0, 8.0), np.maximum(-5 - z, z - 85))
    aorta = either(_ascending(x, y, z), descending_aorta(x, y, z), seam_mm=4)
    lungs = either(_pulmonary(x, y, z), _pulmonary_left(x, y, z), seam_mm=3)
    return without(either(either(aorta, cava), lungs), heart(x, y, z) - 1, seam_mm=1)


def mediastinum(x: Values, y: Values, z: Values) -> Values:
    """What lies between the lungs, from the breastbone to the spine."""
    half = profile(z, (-120, -60, -10, 30, 70, 115), (38, 36, 36, 34, 32, 30))
    middle = oval(x - 2, y + 24, half, 66, power=2.4)
    spine = oval(x, y - spine_y(z) - 10, 27, 32)
    hila = either(
        ellipsoid((-42, 4, 16), (18, 16, 22))(x, y, z),
        ellipsoid((44, 8, 14), (17, 16, 22))(x, y, z),
    )
    central = either(either(middle, spine, seam_mm=16), hila, seam_mm=12)
    central = either(central, descending_aorta(x, y, z) - 2, seam_mm=8)
    return either(central, heart(x, y, z) - 5, seam_mm=10)


def _lung(x: Values, y: Values, z: Values, *, side: int) -> Values:
    dome = dome_left(x, y) if side > 0 else dome_right(x, y)
    half = both(cavity(x, y, z) + 2, 3 - side * x)
    above = both(half, 0.75 * (dome - z), seam_mm=4)
    return without(above, mediastinum(x, y, z), seam_mm=6)


def lung_left(x: Values, y: Values, z: Values) -> Values:
    """The left lung."""
    return _lung(x, y, z, side=1)


def lung_right(x: Values, y: Values, z: Values) -> Values:
    """The right lung."""
    return _lung(x, y, z, side=-1)


def kidney_left(x: Values, y: Values, z: Values) -> Values:
    """The left kidney, its hilum towards the spine."""
    return _kidney(x, y, z, side=1, mid_z=-151.0)


def kidney_right(x: Values, y: Values, z: Values) -> Values:
    """The right kidney, lower than the left."""
    return _kidney(x, y, z, side=-1, mid_z=-156.0)


def _kidney(x: Values, y: Values, z: Values, *, side: int, mid_z: float) -> Values:
    bean = ellipsoid((side * 62, 50, mid_z), (26, 29, 50), turn_deg=side * 35)(x, y, z)
    hilum = ellipsoid((side * 42, 38, mid_z), (13, 11, 16))(x, y, z)
    return without(bean, hilum, seam_mm=5)


def stomach(x: Values, y: Values, z: Values) -> Values:
    """The stomach: fundus under the left diaphragm, body, antrum."""
    fundus = ellipsoid((66, 8, -98), (38, 36, 30))(x, y, z)
    middle = ellipsoid((54, -24, -128), (30, 32, 38))(x, y, z)
    antrum = ellipsoid((14, -42, -156), (44, 20, 19))(x, y, z)
    joined = either(either(fundus, middle, seam_mm=18), antrum, seam_mm=16)
    return both(joined, 0.75 * (z - dome_left(x, y) + 5), seam_mm=4)


def spleen(x: Values, y: Values, z: Values) -> Values:
    """The spleen, behind the stomach."""
    bulk = ellipsoid((98, 44, -112), (30, 46, 46), turn_deg=-20)(x, y, z)
    bulk = both(both(bulk, cavity(x, y, z) + 5, seam_mm=4), 0.75 * (z - dome_left(x, y) + 5))
    return without(without(bulk, stomach(x, y, z) - 3, seam_mm=4), kidney_left(x, y, z) - 3)


def liver(x: Values, y: Values, z: Values) -> Values:
    """The liver, under the right diaphragm."""
    right = ellipsoid((-72, -2, -108), (74, 86, 82))(x, y, z)
    left = ellipsoid((12, -50, -96), (64, 34, 30))(x, y, z)
    bulk = both(either(right, left, seam_mm=20), cavity(x, y, z) + 5, seam_mm=5)
    dome = either(0.75 * (z - dome_right(x, y) + 5), 0.75 * (z - dome_left(x, y) + 5), seam_mm=8)
    bulk = both(bulk, dome, seam_mm=4)
    for other in (heart(x, y, z) - 5, kidney_right(x, y, z) - 4, stomach(x, y, z) - 4):
        bulk = without(bulk, other, seam_mm=5)
    return without(bulk, oval(x, y - spine_y(z) - 2, 36, 42), seam_mm=8)


def ribs(x: Values, y: Values, z: Values) -> Values:
    """The ribs: bands round the chest wall that run downwards to the front."""
    return _rib_bands(x, y, z)[0]


def _rib_bands(x: Values, y: Values, z: Values) -> tuple[Values, Values]:
    """The ribs, and for each position the height of its rib at the back."""
    back = (y - 3) / np.sqrt(x * x + (y - 3) ** 2 + 1)
    height = z + 36 * (1 - back)
    middle = _VERTEBRA_MM * np.round((height - 15) / _VERTEBRA_MM) + 15
    shell = (cavity(x, y, z) - 7.5) / 4.8
    bands = 4.8 * (np.sqrt(shell**2 + ((height - middle) / 6.5) ** 2) - 1)
    outside = np.maximum(np.maximum(middle - 116, -136 - middle), 20 - np.abs(x))
    floating = np.where(middle < -80, -60 * (back + 0.3), -10.0)
    return np.maximum(np.maximum(bands, outside), floating).astype(np.float32), middle


def ribs_near_left_lung_lesion(x: Values, y: Values, z: Values) -> Values:
    """The left ribs 5 to 8, as drawn beside a lesion of the left lung."""
    bands, middle = _rib_bands(x, y, z)
    chosen = np.maximum(np.maximum(middle - 70, -10 - middle), 45 - x)
    return np.maximum(bands, chosen).astype(np.float32)


def sternum(x: Values, y: Values, z: Values) -> Values:
    """The breastbone."""
    front = profile(z, (-75, 0, 50, 75), (-98, -97, -89, -80))
    return both(oval(x, y - front, 19.0, 6.0, power=2.5), np.maximum(z - 72, -72 - z))


def shifted(shape: Shape, margin_mm: float) -> Shape:
    """The shape grown by about a margin."""
    return lambda x, y, z: shape(x, y, z) - np.float32(margin_mm)


@dataclass(frozen=True, slots=True)
class Organ:
    """An organ: its shape, where to look for it, what it is in a CT, how it is drawn.

    ``hu`` is None where it is not painted, ``colour`` None where it is not drawn. Later organs
    are painted over earlier ones.
    """

    name: str
    shape: Shape
    box: Box
    hu: float | None = None
    colour: tuple[int, int, int] | None = None
    roi_type: str = "ORGAN"


_CHEST = (-150.0, TOP_MM + 2)
_ALL_Z = (BOTTOM_MM - 2, TOP_MM + 2)
_MIDLINE = Box((-45.0, 45.0), (15.0, 112.0), _ALL_Z)

ORGANS: tuple[Organ, ...] = (
    Organ("Lung_L", lung_left, Box((-10, 150), (-105, 105), _CHEST), -840, (70, 150, 230)),
    Organ("Lung_R", lung_right, Box((-150, 10), (-105, 105), _CHEST), -840, (60, 190, 220)),
    Organ("Heart", heart, Box((-60, 95), (-95, 30), (-90, 30)), 44, (220, 70, 90)),
    Organ("GreatVes", great_vessels, Box((-60, 65), (-70, 65), _ALL_Z), 48, (200, 40, 40)),
    Organ("Esophagus", oesophagus, Box((-25, 45), (-5, 50), _ALL_Z), 34, (200, 150, 60)),
    Organ("Trachea", trachea, Box((-15, 15), (-5, 35), (35, 130)), -960, (120, 220, 220)),
    Organ("Bronchus_Main", bronchi, Box((-60, 64), (-5, 40), (0, 60)), -940, (90, 200, 190)),
    Organ("Stomach", stomach, Box((-50, 115), (-80, 60), (-190, -50)), 32, (230, 170, 120)),
    Organ("Spleen", spleen, Box((50, 145), (-15, 105), (-175, -55)), 52, (150, 90, 160)),
    Organ("Liver", liver, Box((-160, 90), (-105, 105), (-200, -40)), 58, (170, 110, 60)),
    Organ("Kidney_L", kidney_left, Box((25, 100), (5, 95), (-208, -95)), 36, (190, 130, 60)),
    Organ("Kidney_R", kidney_right, Box((-100, -25), (5, 95), (-208, -100)), 36, (160, 130, 40)),
    Organ("vertebrae", vertebral_body, _MIDLINE, 190),
    Organ("arch", posterior_arch, _MIDLINE, 330),
    Organ("ribs", ribs, TRUNK, 320),
    Organ("sternum", sternum, Box((-25, 25), (-110, -70), (-80, 80)), 170),
    Organ("SpinalCanal", canal, _MIDLINE, 12, (250, 250, 120)),
    Organ("SpinalCord", cord, _MIDLINE, 38, (255, 230, 0)),
    Organ("SpinalCord_PRV05", shifted(cord, 5), _MIDLINE, None, (255, 160, 0), "AVOIDANCE"),
    Organ("VB_T12", vertebra_t12, _MIDLINE, None, (210, 210, 190)),
    Organ(
        "Rib",
        ribs_near_left_lung_lesion,
        Box((40, 160), (-105, 105), (-110, 90)),
        None,
        (230, 220, 160),
    ),
)
