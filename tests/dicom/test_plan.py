"""RT Plan: fractions, prescription, beams; what is not known is None, never a default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from rtplan.case import Plan
from rtplan.dicom.parse import parse
from rtplan.dicom.plan import fraction_beams, read_plan
from rtplan.errors import DicomError
from tests.dicom import objects
from tests.dicom.objects import to_bytes

DATA = Path(__file__).parents[1] / "data"


def read(ds: Dataset) -> tuple[Plan, set[str]]:
    plan, notes = read_plan(parse(to_bytes(ds), modality="RTPLAN"))
    return plan, {note.code for note in notes}


def test_plan_is_read() -> None:
    plan, codes = read(objects.plan())
    assert (plan.fractions, plan.beam_numbers, plan.approval) == (5, (1, 2), "APPROVED")
    assert [(p.dose_gy, p.roi_number) for p in plan.prescriptions] == [(25.0, None)]
    assert plan.structure_set_uid == objects.RS_UID
    assert codes == set()


def test_missing_fractions_are_not_known() -> None:
    plan, codes = read(objects.plan(fractions=None))
    assert plan.fractions is None
    assert codes == {"RTP001"}


@pytest.mark.parametrize("value", [0, -3])
def test_impossible_fractions_are_not_known(value: int) -> None:
    plan, codes = read(objects.plan(fractions=value))
    assert plan.fractions is None
    assert codes == {"RTP006"}


def test_several_fraction_groups_leave_fractions_unknown() -> None:
    ds = objects.plan()
    ds.FractionGroupSequence.append(ds.FractionGroupSequence[0])
    plan, codes = read(ds)
    assert plan.fractions is None
    assert codes == {"RTP002"}


def test_beam_doses_are_said_and_prescribe_nothing() -> None:
    ds = objects.plan()
    del ds.DoseReferenceSequence
    plan, (note,) = read_plan(parse(to_bytes(ds), modality="RTPLAN"))
    assert plan.prescriptions == ()
    assert note.code == "RTP004"
    assert "20 Gy in 5 fractions" in note.text  # two beams of 2 Gy
    assert "not taken as prescribed" in note.text


def test_no_prescription_is_said() -> None:
    ds = objects.plan()
    del ds.DoseReferenceSequence
    del ds.FractionGroupSequence[0].ReferencedBeamSequence[1].BeamDose
    plan, codes = read(ds)
    assert plan.prescriptions == ()
    assert codes == {"RTP004"}


def test_setup_beams_and_unapproved_plans() -> None:
    ds = objects.plan()
    ds.BeamSequence[1].TreatmentDeliveryType = "SETUP"
    ds.ApprovalStatus = "REJECTED"
    plan, codes = read(ds)
    assert plan.beam_numbers == (1,)
    assert codes == {"RTP003"}


def _count(ds: Dataset) -> None:
    ds.FractionGroupSequence[0].NumberOfBeams = 3


def _no_beams(ds: Dataset) -> None:
    del ds.BeamSequence


def _twice(ds: Dataset) -> None:
    ds.BeamSequence[1].BeamNumber = 1


def _unlisted(ds: Dataset) -> None:
    ds.FractionGroupSequence[0].ReferencedBeamSequence[1].ReferencedBeamNumber = 9


@pytest.mark.parametrize("change", [_count, _no_beams, _twice, _unlisted])
def test_beams_that_do_not_agree_are_said(change: Callable[[Dataset], None]) -> None:
    ds = objects.plan()
    ds.FractionGroupSequence[0].NumberOfBeams = 2
    assert read(ds)[1] == set()
    change(ds)
    plan, codes = read(ds)
    assert plan.fractions == 5
    assert codes == {"RTP007"}


def test_beams_of_the_fraction_group_leave_out_setup_fields() -> None:
    ds = objects.plan()
    assert fraction_beams(ds) == (1, 2)
    ds.BeamSequence[0].TreatmentDeliveryType = "SETUP"
    assert fraction_beams(ds) == (2,)
    ds.FractionGroupSequence.append(ds.FractionGroupSequence[0])
    assert fraction_beams(ds) == ()


def test_a_plan_without_structure_set_is_said() -> None:
    ds = objects.plan(structures=None)
    assert read(ds)[1] == {"RTP008"}
    ds.RTPlanGeometry = "TREATMENT_DEVICE"
    assert read(ds)[1] == set()


def test_a_decimal_comma_in_the_prescription_is_mended_and_said() -> None:
    ds = objects.plan()
    ds.DoseReferenceSequence[0].TargetPrescriptionDose = "25.5"
    data = objects.swapped(to_bytes(ds), b"25.5", b"25,5")
    plan, notes = read_plan(parse(data, modality="RTPLAN"))
    assert [p.dose_gy for p in plan.prescriptions] == [25.5]
    assert [(n.code, n.severity.value) for n in notes] == [("FIL014", "warning")]


def test_cut_off_plan_is_refused() -> None:
    with pytest.raises(DicomError, match="cut off"):
        read_plan(parse((DATA / "pydicom/rtplan_truncated.dcm").read_bytes(), modality="RTPLAN"))


def test_real_plan() -> None:
    plan, _ = read_plan(parse((DATA / "breast/rtplan.dcm").read_bytes(), modality="RTPLAN"))
    assert plan.fractions == 7
    assert [p.dose_gy for p in plan.prescriptions] == [14.0, pytest.approx(11.3114, abs=1e-4)]
    assert plan.beam_numbers == (1, 2, 3, 4)
