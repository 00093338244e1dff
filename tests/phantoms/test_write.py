"""Writing DICOM-RT: what is written is read back by pydicom alone."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from rtplan.case import Plan, Prescription
from rtplan.dicom.write import (
    Study,
    ct_series,
    name_based_uid,
    rt_dose,
    structure_set,
    to_bytes,
)
from rtplan.dicom.write_plan import Beam, rt_plan
from rtplan.dose.grid import DoseGrid
from rtplan.errors import DicomError, DoseError
from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.geometry.grid import FloatArray, Grid

STUDY = Study("test", "PHANTOM^test", "PHANTOM-test")
SQUARE = np.array([[0.0, 0.0, 3.0], [10.0, 0.0, 3.0], [10.0, 10.0, 3.0], [0.0, 10.0, 3.0]])


def read(dataset: Dataset) -> Dataset:
    """The dataset written and read again."""
    return pydicom.dcmread(io.BytesIO(to_bytes(dataset)))


def grid(*, directions: FloatArray | None = None, shape: tuple[int, int, int] = (3, 4, 5)) -> Grid:
    """A grid of (k, j, i) voxels, 2 x 2.5 x 3 mm."""
    k, j, i = shape
    return Grid(
        np.array([-4.0, -5.0, 3.0]),
        np.eye(3) if directions is None else directions,
        (2.0 * np.arange(float(i)), 2.5 * np.arange(float(j)), 3.0 * np.arange(float(k))),
    )


def plan_of(structures: Dataset) -> Dataset:
    """A plan of one arc and one prescription on ROI 1."""
    plan = Plan("", "plan", 5, prescriptions=(Prescription(50.0, 1),))
    return rt_plan(STUDY, plan, (Beam(1, "ARC", (1.0, 2.0, 3.0), 12.5),), structures=structures)


def drawn(*structures: Structure) -> Dataset:
    """A structure set without images."""
    return structure_set(STUDY, structures)


def test_hounsfield_units_come_back_through_the_rescale() -> None:
    hu = np.arange(-1000, -940, dtype=np.int16).reshape(3, 4, 5)
    slices = [read(item) for item in ct_series(STUDY, grid(), hu)]
    for k, item in enumerate(slices):
        back = item.pixel_array * item.RescaleSlope + item.RescaleIntercept
        assert (back == hu[k]).all()
        assert [float(x) for x in item.ImagePositionPatient] == [-4.0, -5.0, 3.0 + 3.0 * k]
        assert [float(x) for x in item.PixelSpacing] == [2.5, 2.0]
    assert len({item.SOPInstanceUID for item in slices}) == 3
    assert len({item.SeriesInstanceUID for item in slices}) == 1


def test_an_image_that_is_not_of_its_grid_is_refused() -> None:
    with pytest.raises(DicomError, match="shape"):
        ct_series(STUDY, grid(), np.zeros((2, 4, 5), dtype=np.int16))
    with pytest.raises(DicomError, match="-2000"):
        ct_series(STUDY, grid(), np.full((3, 4, 5), -2000, dtype=np.int16))


def test_contours_come_back_with_type_and_coordinates() -> None:
    kinds = (GeometricType.CLOSED_PLANAR, GeometricType.CLOSEDPLANAR_XOR, GeometricType.POINT)
    points = SQUARE + 1 / 3
    contours = tuple(Contour(points[:1] if k is GeometricType.POINT else points, k) for k in kinds)
    back = read(drawn(Structure(7, "A", "GTV", contours, (1, 2, 3))))
    (roi,) = back.ROIContourSequence
    assert [int(part) for part in roi.ROIDisplayColor] == [1, 2, 3]
    for item, contour in zip(roi.ContourSequence, contours, strict=True):
        assert item.ContourGeometricType == contour.kind.value
        assert int(item.NumberOfContourPoints) == len(contour.points_mm)
        data = np.array([float(x) for x in item.ContourData])
        assert data == pytest.approx(contour.points_mm.ravel(), abs=6e-7)
    (observation,) = back.RTROIObservationsSequence
    assert (observation.ReferencedROINumber, observation.RTROIInterpretedType) == (7, "GTV")


def test_a_contour_longer_than_64_kilobytes_is_written_whole() -> None:
    turn = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    ring = np.stack([100 * np.cos(turn), 100 * np.sin(turn), 0 * turn - 0.0], axis=1)
    back = read(drawn(Structure(1, "long", "ORGAN", (Contour(ring),))))
    item = back.ROIContourSequence[0].ContourSequence[0]
    raw = item.get_item(0x30060050)
    assert raw.length > 65534
    texts = raw.value.decode().strip().split("\\")
    assert len(texts) == 15000
    assert max(map(len, texts)) <= 16
    assert not any(text.startswith("-0.000000") for text in texts)


def test_contours_refer_to_the_image_of_their_plane() -> None:
    images = ct_series(STUDY, grid(), np.zeros((3, 4, 5), dtype=np.int16))
    between = SQUARE + np.array([0.0, 0.0, 1.5])
    structure = Structure(1, "A", "ORGAN", (Contour(SQUARE), Contour(between)))
    back = read(structure_set(STUDY, (structure,), images=images))
    on, off = back.ROIContourSequence[0].ContourSequence
    assert on.ContourImageSequence[0].ReferencedSOPInstanceUID == images[0].SOPInstanceUID
    assert "ContourImageSequence" not in off
    (frame,) = back.ReferencedFrameOfReferenceSequence
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    listed = [item.ReferencedSOPInstanceUID for item in series.ContourImageSequence]
    assert listed == [image.SOPInstanceUID for image in images]


def test_a_structure_without_contours_has_no_contour_sequence() -> None:
    back = read(drawn(Structure(1, "empty", "ORGAN")))
    assert "ContourSequence" not in back.ROIContourSequence[0]


def test_an_roi_number_twice_is_refused() -> None:
    with pytest.raises(DicomError, match="must differ"):
        drawn(Structure(1, "A"), Structure(1, "B"))


def test_a_coordinate_that_needs_17_characters_is_refused() -> None:
    far = Contour(SQUARE + 1e9)
    with pytest.raises(DicomError, match="16 characters"):
        drawn(Structure(1, "A", "ORGAN", (far,)))


@pytest.mark.parametrize("bits", [16, 32])
def test_dose_comes_back_within_half_a_step(bits: int) -> None:
    values = np.random.default_rng(1).uniform(0, 61.7, (3, 4, 5)).astype(np.float32)
    structures = drawn(Structure(1, "A"))
    item = read(
        rt_dose(STUDY, DoseGrid(grid(), values.copy()), plan=plan_of(structures), bits=bits)
    )
    back = item.pixel_array * float(item.DoseGridScaling)
    assert np.abs(back - values).max() <= 0.51 * float(item.DoseGridScaling)
    assert [float(x) for x in item.GridFrameOffsetVector] == [0.0, 3.0, 6.0]
    assert (item.DoseUnits, item.DoseType, item.DoseSummationType) == ("GY", "PHYSICAL", "PLAN")
    assert item.BitsAllocated == bits


def test_frames_against_the_normal_have_falling_offsets() -> None:
    flipped = np.diag([1.0, 1.0, -1.0])
    dose = DoseGrid(grid(directions=flipped), np.ones((3, 4, 5), dtype=np.float32))
    item = read(rt_dose(STUDY, dose, plan=plan_of(drawn(Structure(1, "A")))))
    assert [float(x) for x in item.GridFrameOffsetVector] == [0.0, -3.0, -6.0]


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_a_dose_below_zero_or_of_nothing_is_refused(value: float) -> None:
    dose = DoseGrid(grid(), np.full((3, 4, 5), value, dtype=np.float32))
    with pytest.raises(DoseError, match="expected none below 0"):
        rt_dose(STUDY, dose, plan=plan_of(drawn(Structure(1, "A"))))


def test_plan_holds_fractions_prescription_and_references() -> None:
    structures = drawn(Structure(1, "PTV", "PTV"))
    back = read(plan_of(structures))
    (group,) = back.FractionGroupSequence
    assert (group.NumberOfFractionsPlanned, group.NumberOfBeams) == (5, 1)
    assert group.ReferencedBeamSequence[0].BeamDose == 12.5
    (target,) = back.DoseReferenceSequence
    assert (target.DoseReferenceType, target.TargetPrescriptionDose) == ("TARGET", 50)
    assert target.ReferencedROINumber == 1
    (reference,) = back.ReferencedStructureSetSequence
    assert reference.ReferencedSOPInstanceUID == structures.SOPInstanceUID
    (beam,) = back.BeamSequence
    assert [float(p.CumulativeMetersetWeight) for p in beam.ControlPointSequence] == [0.0, 1.0]


def test_a_plan_of_unknown_fractions_is_refused() -> None:
    with pytest.raises(DicomError, match="fractions"):
        rt_plan(STUDY, Plan("", "plan"), (), structures=drawn(Structure(1, "A")))


def test_uids_depend_on_the_name_alone() -> None:
    assert name_based_uid("a", "b") == name_based_uid("a", "b")
    other = replace(STUDY, name="other")
    assert STUDY.uid("study") != other.uid("study")
    assert pydicom.uid.UID(STUDY.uid("study")).is_valid


def test_uneven_pixels_are_refused() -> None:
    uneven = Grid(
        np.zeros(3), np.eye(3), (np.array([0.0, 1.0, 3.0]), np.arange(2.0), np.arange(2.0))
    )
    with pytest.raises(DicomError, match="evenly"):
        ct_series(STUDY, uneven, np.zeros((2, 2, 3), dtype=np.int16))


def test_no_clock_and_no_path_in_the_writer() -> None:
    source = (Path(__file__).parents[2] / "rtplan/dicom/write.py").read_text()
    assert "datetime" not in source
    assert "import time" not in source
