"""The synthetic adult: lesions where they are said to be, contours and dose as designed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from rtplan.geometry.contour import GeometricType, Structure
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms import make
from rtplan.phantoms.files import write
from rtplan.phantoms.implicit import Sampled, contours_of, profile
from rtplan.phantoms.model import Phantom, coordinates_mm

SLICE_MM = 3.0


@pytest.fixture(scope="module")
def adult() -> Phantom:
    """The phantom, built once."""
    return make("esophagus-oligomet")


@pytest.fixture(scope="module")
def folder(adult: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom as files, written once."""
    path = tmp_path_factory.mktemp("adult")
    write(adult, path)
    return path


def structure(adult: Phantom, name: str) -> Structure:
    """The structure of a name."""
    found: list[Structure] = [item for item in adult.structures if item.name == name]
    assert len(found) == 1
    return found[0]


def slices(item: Structure) -> dict[float, BaseGeometry]:
    """Polygons of a structure by z; rings within rings are holes."""
    planes: dict[float, BaseGeometry] = {}
    for contour in item.closed:
        z = float(contour.points_mm[0, 2])
        ring = shapely.Polygon(contour.points_mm[:, :2])
        planes[z] = shapely.symmetric_difference(planes.get(z, shapely.Polygon()), ring)
    return planes


def prisms_cc(item: Structure) -> float:
    """Volume of half-slice prisms over the polygons."""
    return sum(float(shapely.area(p)) for p in slices(item).values()) * SLICE_MM * 1e-3


def dose_at(adult: Phantom, points_mm: FloatArray) -> FloatArray:
    """Trilinear dose, Gy, at points (n, 3)."""
    from scipy.interpolate import RegularGridInterpolator

    x, y, z = coordinates_mm(adult.dose.grid)
    return np.asarray(RegularGridInterpolator((z, y, x), adult.dose.values_gy)(points_mm[:, ::-1]))


def points_within(item: Structure, step_mm: float) -> FloatArray:
    """A lattice of points, one a cube of ``step_mm``, over the slices of a structure."""
    found = []
    for z, polygon in slices(item).items():
        low_x, low_y, high_x, high_y = polygon.bounds
        x, y = np.meshgrid(np.arange(low_x, high_x, step_mm), np.arange(low_y, high_y, step_mm))
        inside = shapely.contains_xy(polygon, x, y)
        for part in (np.arange(SLICE_MM / step_mm) + 0.5) * step_mm - SLICE_MM / 2:
            at = np.full(int(inside.sum()), z + part)
            found.append(np.stack([x[inside], y[inside], at], axis=1))
    return np.concatenate(found)


def test_five_metastases_in_three_organs(adult: Phantom) -> None:
    truth = json.loads(json.dumps(adult.truth, allow_nan=False))
    metastases = [item for item in truth["lesions"] if item["category"] != "primary"]
    organs = [item["organ"] for item in metastases]
    assert truth["metastases"] == len(metastases) == 5
    assert {organ: organs.count(organ) for organ in organs} == {"lung": 2, "liver": 2, "bone": 1}
    assert all(8 <= item["longest_diameter_mm"] <= 20 for item in metastases)


@pytest.mark.parametrize(
    ("tumour", "organ"),
    [
        ("GTV1_Lung_L", "Lung_L"),
        ("GTV2_Lung_R", "Lung_R"),
        ("GTV3_Liver", "Liver"),
        ("GTV4_Liver", "Liver"),
        ("GTV5_Bone", "VB_T12"),
    ],
)
def test_each_metastasis_lies_within_its_organ(adult: Phantom, tumour: str, organ: str) -> None:
    around = slices(structure(adult, organ))
    for z, polygon in slices(structure(adult, tumour)).items():
        assert shapely.within(polygon, around[z])


def test_the_primary_surrounds_the_oesophagus(adult: Phantom) -> None:
    inner = slices(structure(adult, "Esophagus"))
    middle = -6.0
    assert shapely.within(inner[middle], slices(structure(adult, "GTVp"))[middle])


def test_ctv_holds_gtv_and_ptv_holds_ctv(adult: Phantom) -> None:
    for name in (item.name for item in adult.structures if item.name.startswith("GTV")):
        if name == "GTVp":
            continue
        label = name.removeprefix("GTV")
        for inner, outer in ((name, f"CTV{label}"), (f"CTV{label}", f"PTV{label}")):
            around = slices(structure(adult, outer))
            for z, polygon in slices(structure(adult, inner)).items():
                assert shapely.within(polygon, around[z])


def test_planning_volumes_do_not_touch_and_their_union_is_all_of_them(adult: Phantom) -> None:
    single = [
        item
        for item in adult.structures
        if item.name.startswith("PTV") and item.name != "PTV_total"
    ]
    total = prisms_cc(structure(adult, "PTV_total"))
    assert total == pytest.approx(sum(prisms_cc(item) for item in single), rel=1e-9)


def test_drawn_volumes_in_the_truth_are_those_of_the_contours(adult: Phantom) -> None:
    stated = json.loads(json.dumps(adult.truth))["drawn"]["structures"]
    assert [item["name"] for item in stated] == [item.name for item in adult.structures]
    for item, known in zip(adult.structures, stated, strict=True):
        if item.closed:
            assert known["half_slice_prisms_cc"] == pytest.approx(prisms_cc(item), rel=1e-9)
        else:
            assert known["half_slice_prisms_cc"] is None


def test_lesions_are_drawn_to_their_volume_within_slicing(adult: Phantom) -> None:
    for lesion in json.loads(json.dumps(adult.truth))["lesions"]:
        drawn = prisms_cc(structure(adult, lesion["structure"]))
        half = (lesion["volume_cc"] * 1e3 * 3 / 4 / np.pi) ** (1 / 3)
        assert abs(drawn / lesion["volume_cc"] - 1) < 0.3 * (SLICE_MM / half) ** 2 + 0.01


def test_organs_have_the_size_of_an_adult(adult: Phantom) -> None:
    expected = {
        "Lungs": (3000, 5500),
        "Liver": (1100, 1900),
        "Heart": (400, 800),
        "Kidney_L": (110, 200),
        "Kidney_R": (110, 200),
        "BODY": (15000, 30000),
        "SpinalCord": (15, 40),
    }
    for name, (low, high) in expected.items():
        assert low < prisms_cc(structure(adult, name)) < high, name


def test_rings_are_simple_and_on_the_slices(adult: Phantom) -> None:
    planes = set(np.round(coordinates_mm(adult.image)[2], 6))
    for item in adult.structures:
        for contour in item.closed:
            assert shapely.LinearRing(contour.points_mm[:, :2]).is_valid, item.name
            assert round(float(contour.points_mm[0, 2]), 6) in planes
            assert float(np.ptp(contour.points_mm[:, 2])) == 0.0


def test_one_limit_is_a_little_exceeded_and_neighbours_are_met(adult: Phantom) -> None:
    def hottest(name: str, volume_cc: float) -> float:
        step = 1.0
        doses = np.sort(dose_at(adult, points_within(structure(adult, name), step)))[::-1]
        return float(doses[round(volume_cc / (step**3 * 1e-3))])

    assert 43.5 < hottest("Rib", 0.035) < 48.0
    assert hottest("Rib", 1.0) < 34.0
    assert hottest("SpinalCord", 0.035) < 25.0
    assert hottest("Esophagus", 0.035) < 30.0
    assert hottest("Heart", 0.035) < 30.0


def test_planning_volumes_are_covered(adult: Phantom) -> None:
    by_number = {item.number: item for item in adult.structures}
    for prescription in adult.plan.prescriptions:
        assert prescription.roi_number is not None
        target = by_number[prescription.roi_number]
        doses = dose_at(adult, points_within(target, 1.0))
        assert float(np.mean(doses >= prescription.dose_gy)) > 0.95
        assert float(doses.max()) < 1.5 * prescription.dose_gy


def test_dose_grid_holds_the_whole_body(adult: Phantom) -> None:
    points = np.concatenate([c.points_mm for c in structure(adult, "BODY").contours])
    inside = adult.dose.grid.coordinates_mm(points)
    last = np.array([axis[-1] for axis in adult.dose.grid.axes_mm])
    assert (inside >= [0, 0, SLICE_MM / 2]).all()
    assert (inside <= last - [0, 0, SLICE_MM / 2]).all()


def test_facts_are_toml_and_possible(adult: Phantom) -> None:
    assert adult.facts_toml is not None
    facts = tomllib.loads(adult.facts_toml)
    assert facts["primary"]["diagnosed"] < facts["primary"]["treated"]
    assert facts["primary"]["treated"] < facts["disease"]["detected"]
    assert facts["disease"]["metastases_not_drawn"] == 0
    assert facts["disease"]["lifetime_metastases"] == 5


def test_ct_shows_lung_bone_and_air(adult: Phantom) -> None:
    x, y, z = coordinates_mm(adult.image)
    for name, low, high in (("Lung_R", -900, -600), ("Liver", 20, 90), ("VB_T12", 100, 450)):
        values = []
        for plane, polygon in slices(structure(adult, name)).items():
            k = int(np.argmin(np.abs(z - plane)))
            grid_x, grid_y = np.meshgrid(x, y)
            values.append(adult.hu[k][shapely.contains_xy(polygon, grid_x, grid_y)])
        assert low < float(np.concatenate(values).mean()) < high, name
    assert float(adult.hu[:, :5].mean()) < -950


def test_files_are_small_and_read_back(adult: Phantom, folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 25e6
    back = pydicom.dcmread(folder / "RS.dcm")
    names = [item.ROIName for item in back.StructureSetROISequence]
    assert names == [item.name for item in adult.structures]
    assert all(len(name) <= 16 for name in names)
    types = [item.RTROIInterpretedType for item in back.RTROIObservationsSequence]
    assert types == [item.roi_type for item in adult.structures]
    points = back.ROIContourSequence[-1].ContourSequence
    assert {item.ContourGeometricType for item in points} == {GeometricType.POINT.value}
    plan = pydicom.dcmread(folder / "RP.dcm")
    assert plan.FractionGroupSequence[0].NumberOfFractionsPlanned == 5
    prescribed = [float(d.TargetPrescriptionDose) for d in plan.DoseReferenceSequence]
    assert prescribed == [50, 50, 50, 50, 35]


def test_stored_dose_is_that_of_the_phantom(adult: Phantom, folder: Path) -> None:
    item = pydicom.dcmread(folder / "RD.dcm")
    stored = item.pixel_array * float(item.DoseGridScaling)
    assert np.abs(stored - adult.dose.values_gy).max() < 1e-3


def test_a_shape_at_the_edge_of_its_box_is_refused() -> None:
    from rtplan.errors import GeometryError

    axis = np.arange(5, dtype=np.float32)
    flat = Sampled(axis, axis, axis[:1], np.full((1, 5, 5), -1, dtype=np.float32))
    flat.values[0, 2, 2] = 1
    flat.values[0, 0, :] = 1
    with pytest.raises(GeometryError, match="edge of its box"):
        contours_of(flat, np.array([0.0]))


def test_a_profile_goes_through_its_knots_without_overshoot() -> None:
    knots, values = (0.0, 1.0, 2.0, 5.0), (1.0, 3.0, 3.0, 0.0)
    z = np.linspace(-1, 6, 701, dtype=np.float32)
    curve = profile(z, knots, values)
    assert profile(np.array(knots, dtype=np.float32), knots, values) == pytest.approx(values)
    assert float(curve.max()) <= 3.0 + 1e-6
    assert float(curve.min()) >= -1e-6
