"""The figures of a report: views through each lesion, and where the lesions lie.

Anatomy is drawn as radiologists read it: patient's right at the left, axial seen from the feet,
coronal from the front, sagittal from the left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rtplan.case import Case
from rtplan.geometry.grid import FloatArray
from rtplan.lesions.model import Category, Lesion, LesionReading, Organ
from rtplan.report import text
from rtplan.report.drawing import INK, QUIET, Space, bold, drawable, labels, png, style
from rtplan.report.dvh_plot import dvh_plot
from rtplan.report.overview import overview_figure
from rtplan.report.scene import Image, Scene, image_of, is_target, scene_of
from rtplan.report.views import ViewPlane, sample_plane, section, three_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from shapely.geometry.base import BaseGeometry

__all__ = ["dvh_plot", "lesion_figures", "overview_figure"]

HALF_VIEW_MM = 60.0
"""A view reaches at least this far from the lesion's centre."""

_DPI = 130
_WIDTH_IN, _VIEW_IN, _TOP_IN, _GAP_IN, _ROW_IN = 10.8, 3.32, 0.46, 0.08, 0.24
_KEY_COLUMNS = 5
_SAMPLES = 420
_MARGIN_MM = 25.0
_MOST_NEIGHBOURS = 9
_BACKGROUND = "#20262d"
_LESION_COLOURS = ("#ffffff", "#d9ff66", "#3fe0ff")
_TARGET_COLOURS = ("#3fe0ff", "#7dffb2", "#b9c8ff", "#d9ff66")
# Cool and pale: the dose wash has the warm colours.
_ORGAN_COLOURS = (
    *("#66d9a6", "#7db8ff", "#cfe8a0", "#9fe8e8", "#d5dbe1", "#5fd35f", "#b7a8ff", "#5ab0d6"),
)
_ORGAN_DASHES: tuple[Any, ...] = ("-", (0, (2, 1)), (0, (6, 1, 1, 1)))
_OTHERS = -1
_OTHER_LOOK: dict[str, Any] = {"color": "#9aa5b1", "linewidth": 0.6}
_OTHER_LESION_LOOK: dict[str, Any] = {"color": "#ffffff", "linewidth": 1.0}
_NAME_SIZE = 9.0

# Hounsfield units: (what it is called, centre, width).
_WINDOWS: dict[Organ | None, tuple[str, float, float]] = {
    Organ.LUNG: ("lung window", -500.0, 1500.0),
    Organ.PLEURA: ("lung window", -500.0, 1500.0),
    Organ.BONE: ("bone window", 350.0, 1500.0),
    Organ.BRAIN: ("brain window", 40.0, 100.0),
    Organ.LIVER: ("liver window", 60.0, 250.0),
}
_SOFT = ("soft-tissue window", 40.0, 400.0)


def lesion_figures(
    case: Case, reading: LesionReading, *, image: Image | None = None
) -> dict[str, bytes]:
    """For every lesion with a place: axial, coronal and sagittal views through its centroid.

    Parameters
    ----------
    case : Case
    reading : LesionReading
        Of the structure set of ``case``; structures made for planning only are not drawn.
    image : Image, optional
        What to draw on; unless given, the first of the case's images that lies in the structure
        set's frame of reference and can be read. Without one the background is plain.

    Returns
    -------
    dict of str to bytes
        PNG by file name (``rtplan.report.text.lesion_figure``), the same bytes every time.
    """
    if case.structure_set is None:
        return {}
    helpers = {use.number for use in reading.structures if use.use == "helper"}
    scene = scene_of(case, image or image_of(case), leave_out=helpers)
    figures = {}
    with style():
        for position, lesion in enumerate(reading.lesions, start=1):
            if lesion.centroid_mm is not None:
                figure = _lesion_figure(scene, lesion, reading.lesions)
                figures[text.lesion_figure(lesion.id, position)] = png(figure, dpi=_DPI)
    return figures


def _lesion_figure(scene: Scene, lesion: Lesion, lesions: Sequence[Lesion]) -> Figure:
    from matplotlib.figure import Figure

    centre = np.array(lesion.centroid_mm)
    half = max(HALF_VIEW_MM, (lesion.longest_diameter_mm or 0.0) / 2 + _MARGIN_MM)
    figure = Figure(figsize=(_WIDTH_IN, _TOP_IN + _VIEW_IN), facecolor="white")
    drawn: dict[int, Any] = {}
    notes = set()
    panels = []
    for view in three_views(centre):
        axes = figure.add_axes((0, 0, 1, 1))
        panels.append(axes)
        notes.add(_backdrop(axes, scene, view, half, lesion.organ))
        _dose(axes, scene, view, half)
        cuts = _cuts(scene, lesions, view, half)
        _contours(axes, scene, lesion, cuts, drawn)
        _furniture(axes, view, half)
        _names_of_others(axes, lesion, cuts, half)
    rows = _key(figure, scene, lesion, drawn)
    height = _TOP_IN + _VIEW_IN + _GAP_IN + rows * _ROW_IN
    figure.set_figheight(height)
    low = (rows * _ROW_IN + _GAP_IN) / height
    for place, axes in enumerate(panels):
        left = place * (_VIEW_IN + _GAP_IN) / _WIDTH_IN
        axes.set_position((left, low, _VIEW_IN / _WIDTH_IN, _VIEW_IN / height))
    if scene.dose is not None:
        _colour_bar(figure, scene, low=low, height=_VIEW_IN / height)
    title, middle = _title(lesion), 1 - _TOP_IN / 2 / height
    figure.text(0, middle, title, fontsize=13, va="center", **bold(title))
    figure.text(
        1, middle, _subtitle(notes, lesion), fontsize=8.5, color=QUIET, va="center", ha="right"
    )
    return figure


def _title(lesion: Lesion) -> str:
    parts = [drawable(lesion.id, longest=20), _site(lesion)]
    if lesion.laterality:
        parts.append(drawable(lesion.laterality))
    if lesion.volume_cc is not None:
        small = lesion.volume_cc < 1
        parts.append(f"{text.number(lesion.volume_cc, decimals=2 if small else 1)} cc")
    sizes = (lesion.longest_diameter_mm, lesion.short_axis_mm)
    if sizes[0] is not None and sizes[1] is not None:
        parts.append(" × ".join(text.number(size, decimals=0) for size in sizes if size) + " mm")
    return " · ".join(parts)


def _site(lesion: Lesion) -> str:
    if lesion.category in (Category.PRIMARY, Category.REGIONAL_NODE, Category.EXTRAREGIONAL_NODE):
        return lesion.category.value.replace("_", " ")
    return lesion.organ.value.replace("_", " ") if lesion.organ else "site not known"


def _subtitle(notes: set[str], lesion: Lesion) -> str:
    x, y, z = (text.number(value, decimals=1) for value in lesion.centroid_mm or ())
    parts = [*sorted(note for note in notes if note), f"through x {x}, y {y}, z {z} mm (LPS)"]
    if lesion.neighbours:
        name, distance = lesion.neighbours[0]
        parts.append(f"nearest {drawable(name, longest=8)}, {text.number(distance, decimals=0)} mm")
    return "; ".join(parts)


def _backdrop(axes: Axes, scene: Scene, view: ViewPlane, half: float, organ: Organ | None) -> str:
    """Draws the image where it reaches; says which image and window, or that there is none."""
    axes.set(xlim=(-half, half), ylim=(-half, half), xticks=[], yticks=[])
    axes.set_facecolor(_BACKGROUND)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if scene.image is None:
        return "no image"
    values = sample_plane(scene.image.grid, scene.image.values, view, half_mm=half, count=_SAMPLES)
    if np.isnan(values).all():
        return "outside the image"
    if scene.image.modality == "CT":
        name, level, width = _WINDOWS.get(organ, _SOFT)
        low, high, note = level - width / 2, level + width / 2, f"CT, {name}"
    else:
        low, high = (float(v) for v in np.nanpercentile(values, (1, 99)))
        note = drawable(scene.image.modality)
    axes.imshow(
        values,
        cmap="gray",
        vmin=low,
        vmax=max(high, low + 1e-6),
        extent=(-half, half, -half, half),
        interpolation="bilinear",
        origin="lower",
    )
    return note


def _dose(axes: Axes, scene: Scene, view: ViewPlane, half: float) -> None:
    if scene.dose is None:
        return
    dose = sample_plane(
        scene.dose.grid, scene.dose.values_gy, view, half_mm=half, count=_SAMPLES // 2
    )
    cells = dose.shape[0]
    at = (np.arange(cells) + 0.5) * (2 * half / cells) - half
    masked = np.ma.masked_invalid(dose)
    if masked.count() == 0 or float(masked.max()) < scene.levels_gy[0]:
        return
    colours = _wash(scene.levels_gy)
    axes.contourf(at, at, masked, levels=scene.levels_gy, colors=colours, alpha=0.30, extend="max")
    axes.contour(at, at, masked, levels=scene.levels_gy, colors=colours, linewidths=0.9)


def _wash(levels: FloatArray) -> list[tuple[float, float, float, float]]:
    """One colour for each level, dark violet to yellow."""
    from matplotlib import colormaps

    return [tuple(c) for c in colormaps["plasma"](np.linspace(0.12, 0.98, levels.size))]


Cuts = dict[tuple[int, str | None], "BaseGeometry"]
"""What a view cuts, by ROI number and the lesion of which it is, if it is of one."""


def _cuts(scene: Scene, lesions: Sequence[Lesion], view: ViewPlane, half: float) -> Cuts:
    """What a view cuts; a structure that draws several lesions falls into these."""
    import shapely

    cuts: Cuts = {}
    whole = shapely.box(-half, -half, half, half)
    for number, solid in scene.solids.items():
        cut = _clipped(section(solid, view, half_mm=half), half)
        own = [
            lesion
            for lesion in lesions
            if lesion.centroid_mm is not None
            and any(ref.number == number for ref in lesion.structures)
        ]
        if not own:
            if not shapely.contains(cut, whole):  # else its outline is out of sight
                cuts[number, None] = cut
            continue
        parts = shapely.get_parts(cut)
        middle = shapely.get_coordinates(shapely.centroid(parts))
        place = view.origin_mm + middle @ np.array([view.right, view.up])
        centres = np.array([lesion.centroid_mm for lesion in own])
        nearest = np.linalg.norm(place[:, None] - centres, axis=2).argmin(axis=1)
        for index in np.unique(nearest).tolist():
            cuts[number, own[index].id] = shapely.union_all(parts[nearest == index])
    return {key: cut for key, cut in cuts.items() if shapely.intersects(cut, whole)}


def _contours(axes: Axes, scene: Scene, lesion: Lesion, cuts: Cuts, drawn: dict[int, Any]) -> None:
    """Neighbours thin, the lesion's own structures thick on top; notes what was drawn and how."""
    own = [ref.number for ref in lesion.structures]
    others = [key for key in cuts if key[1] != lesion.id]
    order = _neighbours(scene, {number for number, _ in others})
    for number in order:
        if number not in drawn and number not in own and len(drawn) < _MOST_NEIGHBOURS + len(own):
            drawn[number] = _neighbour_look(scene, number, drawn)
    for number in reversed(order):  # the small ones on top
        if number not in drawn and number not in own:
            drawn[_OTHERS] = _OTHER_LOOK
        look = _OTHER_LESION_LOOK if number in own else drawn.get(number, _OTHER_LOOK)
        for key in others:
            if key[0] == number:
                _outline(axes, cuts[key], **look)
    for place, number in enumerate(own):
        if (number, lesion.id) in cuts:
            colour = _LESION_COLOURS[place % len(_LESION_COLOURS)]
            drawn[number] = {"color": colour, "linewidth": 2.0}
            _outline(axes, cuts[number, lesion.id], **drawn[number], halo=3.6)


def _names_of_others(axes: Axes, lesion: Lesion, cuts: Cuts, half: float) -> None:
    """The ids of other lesions that the view cuts, beside them, never one over another."""
    unit = 2 * half / (_VIEW_IN * 72)  # mm of a point of type
    own = [cut.bounds for (_, id_), cut in cuts.items() if id_ == lesion.id]
    edge = 0.09 * half
    letters = [(-edge, end - edge, edge, end + edge) for end in (-0.93 * half, 0.93 * half)]
    letters += [(end - edge, -edge, end + edge, edge) for end in (-0.94 * half, 0.94 * half)]
    corners = [(-half, 0.86 * half, -0.45 * half, half), (-half, -half, -0.45 * half, -0.78 * half)]
    space = Space((-half, -half, half, half), [*own, *letters, *corners])
    boxes: dict[str, Any] = {}
    for (_, id_), cut in cuts.items():
        if id_ not in (None, lesion.id):
            boxes.setdefault(str(id_), cut.bounds)
    for id_, box in boxes.items():
        name = drawable(id_, longest=8)
        width, height = 0.72 * _NAME_SIZE * len(name) * unit, 1.3 * _NAME_SIZE * unit
        place = space.place(box, width, height)
        if place is not None:
            axes.text(
                *place,
                name,
                color="white",
                ha="center",
                va="center",
                fontsize=_NAME_SIZE,
                path_effects=_halo(),
                **bold(name),
            )


def _halo() -> list[Any]:
    """A dark rim for white lines and letters on an image."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.4, foreground="#101418")]


def _clipped(cut: BaseGeometry, half: float) -> BaseGeometry:
    import shapely

    # A little beyond the edge, so that the edge itself is not drawn as an outline.
    return cut.intersection(shapely.box(-half - 2, -half - 2, half + 2, half + 2))


def _neighbours(scene: Scene, numbers: Collection[int]) -> list[int]:
    """What else a view cuts: targets first, the body outline last, small before large."""

    def rank(number: int) -> tuple[int, float]:
        structure = scene.structures[number]
        if structure.roi_type.upper() in ("EXTERNAL", "SUPPORT", "BOLUS"):
            return 2, 0.0
        return (0 if is_target(structure) else 1), scene.solids[number].volume_cc

    return sorted(sorted(numbers), key=rank)


def _neighbour_look(scene: Scene, number: int, drawn: Mapping[int, Any]) -> dict[str, Any]:
    """Targets dashed, in the order drawn; an organ looks the same in every figure of a case."""
    targets = {n for n, structure in scene.structures.items() if is_target(structure)}
    if number in targets:
        place = len(targets & drawn.keys())
        colour = _TARGET_COLOURS[place % len(_TARGET_COLOURS)]
        return {"color": colour, "linewidth": 1.3, "linestyle": (0, (5, 1.5))}
    place = [n for n in scene.structures if n not in targets].index(number)
    turn, place = divmod(place, len(_ORGAN_COLOURS))
    dashes = _ORGAN_DASHES[turn % len(_ORGAN_DASHES)]
    return {"color": _ORGAN_COLOURS[place], "linewidth": 0.9, "linestyle": dashes}


def _outline(axes: Axes, cut: BaseGeometry, *, halo: float = 0.0, **look: Any) -> None:
    import shapely
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import Normal, Stroke

    rings = [shapely.get_coordinates(ring) for ring in shapely.get_parts(cut.boundary)]
    lines = LineCollection([ring for ring in rings if len(ring) > 1], **look)
    if halo:
        lines.set_path_effects([Stroke(linewidth=halo, foreground="#101418"), Normal()])
    axes.add_collection(lines, autolim=False)


def _furniture(axes: Axes, view: ViewPlane, half: float) -> None:
    """Orientation letters, the name of the view and a scale bar."""
    dark = _halo()
    left, right, bottom, top = view.letters
    for x, y, letter in (
        (0.03, 0.5, left),
        (0.97, 0.5, right),
        (0.5, 0.035, bottom),
        (0.5, 0.965, top),
    ):
        axes.text(
            x,
            y,
            letter,
            transform=axes.transAxes,
            color="white",
            ha="center",
            va="center",
            fontsize=10,
            path_effects=dark,
            **bold(letter),
        )
    axes.text(
        0.03,
        0.965,
        view.name,
        transform=axes.transAxes,
        color="white",
        va="center",
        fontsize=9,
        path_effects=dark,
    )
    length = 20.0 if half <= 100 else 50.0
    start, height = -half * 0.94, -half * 0.92
    axes.plot(
        [start, start + length], [height, height], color="white", linewidth=2.2, path_effects=dark
    )
    axes.text(
        start + length / 2,
        height + half * 0.03,
        f"{length / 10:.0f} cm",
        color="white",
        ha="center",
        va="bottom",
        fontsize=8,
        path_effects=dark,
    )


def _colour_bar(figure: Figure, scene: Scene, *, low: float, height: float) -> None:
    left = (3 * _VIEW_IN + 2 * _GAP_IN + 0.2) / _WIDTH_IN
    axes = figure.add_axes((left, low, 0.014, 0.92 * height))
    colours = _wash(scene.levels_gy)
    for place, colour in enumerate(colours):
        axes.axhspan(place, place + 1, facecolor=colour, alpha=0.85)
        axes.text(1.5, place, text.plain(float(scene.levels_gy[place])), va="bottom", fontsize=8)
    axes.set(xlim=(0, 1), ylim=(0, len(colours)), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title("Gy", fontsize=9, loc="left", pad=6)


def _key(figure: Figure, scene: Scene, lesion: Lesion, drawn: Mapping[int, Any]) -> int:
    """Names of what is drawn, under the views, the lesion's own structures first; its rows."""
    own = [ref.number for ref in lesion.structures if ref.number in drawn]
    order = own + [number for number in drawn if number not in (*own, _OTHERS)]
    names = labels({number: scene.structures[number].name for number in order})
    if _OTHERS in drawn:
        order, names = [*order, _OTHERS], names | {_OTHERS: "other structures"}
    rows = -(-len(order) // _KEY_COLUMNS)
    if not rows:
        return 0
    share = rows * _ROW_IN / (_TOP_IN + _VIEW_IN + _GAP_IN + rows * _ROW_IN)
    axes = figure.add_axes((0, 0, 1, share))
    axes.set_axis_off()
    axes.set(xlim=(0, _KEY_COLUMNS), ylim=(rows, 0))
    for place, number in enumerate(order):
        x, y = place % _KEY_COLUMNS, place // _KEY_COLUMNS + 0.5
        axes.add_patch(_swatch(x, y))
        look = drawn[number] | {"linewidth": max(drawn[number]["linewidth"], 1.3)}
        axes.plot([x + 0.02, x + 0.16], [y, y], **look, solid_capstyle="butt")
        face = bold(names[number]) if number in own else {}
        axes.text(x + 0.21, y, names[number], va="center", fontsize=8.5, color=INK, **face)
    return rows


def _swatch(x: float, y: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y - 0.34), 0.18, 0.68, facecolor="#3a424b", edgecolor="none")
