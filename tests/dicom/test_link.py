"""Linking: references decide; a doubt is listed and nothing is linked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from rtplan.case import Case
from rtplan.cli.dvh import prescribed_gy
from rtplan.dicom.link import Choice, link
from rtplan.dicom.read import read
from rtplan.errors import AmbiguousError, InputError
from tests.dicom.objects import (
    FRAME,
    RD_UID,
    RP_UID,
    RS_UID,
    beam_dose,
    ct,
    dose,
    plan,
    reference_to,
    save,
    structure_set,
)

DATA = Path(__file__).parents[1] / "data"


def case_of(folder: Path, *objects: Dataset, choice: Choice | None = None) -> Case:
    return link(read(str(save(folder, *objects))), choice=choice)


def codes(case: Case) -> set[str]:
    return {note.code for note in case.findings}


def test_references_join_dose_plan_structures_and_images(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), plan(), dose(), ct(0), ct(3))
    assert case.structure_set is not None
    assert case.plan is not None
    assert case.dose is not None
    assert case.dose_is_plans
    assert case.dose_doubt is None
    assert [len(series.files) for series in case.images] == [2]
    assert [item.modality for item in case.inputs] == ["RTSTRUCT", "RTPLAN", "RTDOSE"]
    assert case.findings == ()
    assert case.label.startswith("case-")
    assert "ZZPHI" not in repr(case)


def test_the_plans_total_dose_is_used_among_beam_doses(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), plan(), beam_dose(1), dose(), beam_dose(2))
    assert case.dose is not None
    assert case.dose.sop_instance_uid == RD_UID
    assert case.dose_is_plans
    assert codes(case) == {"LNK006"}


def test_beam_doses_that_do_not_add_up_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousError) as error:
        case_of(tmp_path, structure_set(), plan(), beam_dose(1), beam_dose(3))
    assert "BEAM, beam 3" in str(error.value)
    assert "--dose" in str(error.value)
    assert "were not summed: there is no dose of beam 2" in str(error.value)
    assert "ZZPHI" not in str(error.value)
    case = link(read(str(tmp_path)), choice=Choice(dose="3.303"))
    assert case.dose is not None
    assert not case.dose_is_plans
    assert "BEAM" in (case.dose_doubt or "")
    assert codes(case) >= {"LNK003"}


@pytest.mark.parametrize("summation", ["FRACTION", "BEAM", "MULTI_PLAN", "SOMETHING"])
def test_a_dose_that_is_not_the_total_is_used_with_a_warning(
    summation: str, tmp_path: Path
) -> None:
    case = case_of(tmp_path, structure_set(), plan(), dose(summation=summation))
    assert case.dose is not None
    assert not case.dose_is_plans
    assert summation in (case.dose_doubt or "")
    assert codes(case) == {"LNK003"}


def test_a_dose_without_its_plan_is_used_with_a_warning(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), dose())
    assert case.dose is not None
    assert case.plan is None
    assert not case.dose_is_plans
    assert codes(case) == {"LNK004"}


def test_a_dose_of_another_plan_is_not_the_plans(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), plan(), dose(plan="1.2.3.999"))
    assert case.plan is not None
    assert case.dose is not None
    assert not case.dose_is_plans
    assert codes(case) == {"LNK003"}


def test_a_dose_in_another_frame_is_not_used_and_volumes_stay(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), plan(), dose(frame="1.2.9.77"))
    assert case.dose is None
    assert "frame of reference" in (case.dose_problem or "")
    assert case.structure_set is not None
    assert codes(case) == {"LNK002"}


def test_an_unusable_dose_leaves_the_rest(tmp_path: Path) -> None:
    relative = dose()
    relative.DoseUnits = "RELATIVE"
    case = case_of(tmp_path, structure_set(), plan(), relative)
    assert case.dose is None
    assert "RELATIVE" in (case.dose_problem or "")
    assert case.plan is not None
    assert "RTD001" in codes(case)


def test_an_unusable_total_dose_is_not_replaced_by_a_beams(tmp_path: Path) -> None:
    broken = dose()
    del broken.DoseGridScaling
    case = case_of(tmp_path, structure_set(), plan(), broken, beam_dose(1))
    assert case.dose is None
    assert "Dose Grid Scaling is missing" in (case.dose_problem or "")


def test_a_missing_frame_of_the_dose_is_bridged_by_references(tmp_path: Path) -> None:
    ds = dose()
    del ds.FrameOfReferenceUID
    case = case_of(tmp_path, structure_set(), plan(), ds)
    assert case.dose is not None
    assert codes(case) == {"LNK007"}


def test_frame_of_reference_stands_in_for_an_absent_structure_set(tmp_path: Path) -> None:
    case = case_of(
        tmp_path, structure_set(), plan(structures="1.2.3.88"), dose(structures="1.2.3.88")
    )
    assert case.structure_set is not None
    assert case.dose_is_plans
    assert codes(case) == {"LNK001"}


def test_the_referenced_structure_set_is_taken_among_several(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(uid="1.2.3.10"), structure_set(), plan(), dose())
    assert case.structure_set is not None
    assert case.structure_set.sop_instance_uid == RS_UID
    assert codes(case) == {"LNK006"}
    other = link(read(str(tmp_path)), choice=Choice(structure_set="1.2.3.10"))
    assert other.structure_set is not None
    assert other.structure_set.sop_instance_uid == "1.2.3.10"
    assert other.dose is not None
    assert "LNK001" in codes(other)


def test_two_structure_sets_without_references_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousError, match="2 cases"):
        case_of(tmp_path, structure_set(uid="1.2.3.10"), structure_set())


def test_two_plans_are_asked_about_and_chosen(tmp_path: Path) -> None:
    second = [plan(uid="1.2.3.22"), dose(uid="1.2.3.33", plan="1.2.3.22")]
    with pytest.raises(AmbiguousError, match="2 cases"):
        case_of(tmp_path, structure_set(), plan(), dose(), *second)
    case = link(read(str(tmp_path)), choice=Choice(plan="22"))
    assert case.plan is not None
    assert case.dose is not None
    assert (case.plan.sop_instance_uid, case.dose.sop_instance_uid) == ("1.2.3.22", "1.2.3.33")
    assert case.dose_is_plans


def test_two_patients_are_asked_about_and_chosen(tmp_path: Path) -> None:
    other = structure_set(uid="1.2.3.10", frame="1.2.9.5")
    other.PatientID = "ZZPHI-OTHER"
    with pytest.raises(AmbiguousError) as error:
        case_of(tmp_path, structure_set(), other)
    assert "patient-2" in str(error.value)
    for wanted in ("patient-2", "2"):
        case = link(read(str(tmp_path)), choice=Choice(patient=wanted))
        assert case.structure_set is not None
        assert case.structure_set.sop_instance_uid == "1.2.3.10"
    with pytest.raises(InputError, match="patient-1, patient-2"):
        link(read(str(tmp_path)), choice=Choice(patient="ZZPHI"))


def test_a_choice_that_matches_nothing_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--plan \"9\.9\" matches no RT Plan(.|\n)*RT Plan"):
        case_of(tmp_path, structure_set(), plan(), dose(), choice=Choice(plan="9.9"))
    with pytest.raises(AmbiguousError, match="several"):
        case_of(tmp_path, beam_dose(3), choice=Choice(dose="3"))


def test_different_patients_that_refer_to_each_other_are_one_case(tmp_path: Path) -> None:
    ds = plan()
    ds.PatientID = "ANOTHER"
    case = case_of(tmp_path, structure_set(), ds, dose())
    assert case.dose_is_plans
    assert codes(case) == {"LNK005"}


def foreign(ds: Dataset) -> Dataset:
    ds.PatientID = "ANOTHER"
    return ds


def test_a_dose_of_another_patient_that_nothing_refers_to_is_not_used(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), plan(), foreign(dose(plan=None, structures=None)))
    assert case.structure_set is not None
    assert case.dose is None
    assert not case.dose_is_plans
    assert "no reference joins them" in (case.dose_problem or "")
    assert "ANOTHER" not in repr(case)
    assert codes(case) == {"LNK005", "LNK011"}


def test_a_dose_of_another_patient_whose_plan_is_not_there_is_not_used(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), foreign(dose(structures=None)))
    assert case.dose is None
    assert "LNK011" in codes(case)


@pytest.mark.parametrize("known", [True, False])
def test_a_dose_of_the_same_or_no_patient_in_the_same_frame_is_used(
    known: bool, tmp_path: Path
) -> None:
    ds = dose(plan=None, structures=None)
    if not known:
        del ds.PatientID, ds.PatientName
    case = case_of(tmp_path, structure_set(), plan(), ds)
    assert case.dose is not None
    assert not case.dose_is_plans


@pytest.mark.parametrize(
    "ds",
    [dose(), dose(structures=None), dose(plan=None), dose(plan=None, structures=None)],
    ids=["both", "by its plan", "by itself", "by the plan's reference to it"],
)
def test_a_dose_of_another_patient_joined_by_references_is_used_with_a_warning(
    ds: Dataset, tmp_path: Path
) -> None:
    its_plan = plan()
    if not ds.get("ReferencedRTPlanSequence") and not ds.get("ReferencedStructureSetSequence"):
        its_plan.ReferencedDoseSequence = [reference_to(RD_UID)]
    case = case_of(tmp_path, structure_set(), its_plan, foreign(ds))
    assert case.dose is not None
    assert "LNK005" in codes(case)


def test_a_dose_without_frame_that_only_the_plan_beside_it_could_join_is_not_used(
    tmp_path: Path,
) -> None:
    ds = dose(plan=None, structures=None)
    del ds.FrameOfReferenceUID
    choice = Choice(plan=RP_UID, dose=RD_UID)
    case = case_of(tmp_path, structure_set(), plan(), ds, choice=choice)
    assert case.dose is None
    assert "LNK002" in codes(case)


def test_a_dose_difference_is_never_the_plans_dose(tmp_path: Path) -> None:
    ds = dose()
    ds.DoseType = "ERROR"
    case = case_of(tmp_path, structure_set(), plan(), ds)
    assert case.dose is None
    assert not case.dose_is_plans
    assert "ERROR" in (case.dose_problem or "")
    assert codes(case) == {"RTD014"}


def test_a_plans_dose_is_used_although_a_dose_difference_lies_beside_it(tmp_path: Path) -> None:
    ds = dose(uid="1.2.3.34")
    ds.DoseType = "ERROR"
    case = case_of(tmp_path, structure_set(), plan(), ds, dose())
    assert case.dose is not None
    assert case.dose.sop_instance_uid == RD_UID
    assert case.dose_is_plans


def test_a_weighted_dose_is_the_plans_with_a_warning(tmp_path: Path) -> None:
    ds = dose()
    ds.DoseType = "EFFECTIVE"
    case = case_of(tmp_path, structure_set(), plan(), ds)
    assert case.dose_is_plans
    assert codes(case) == {"RTD015"}


def test_a_damaged_and_a_joined_dose_with_a_gap_leave_the_rest(tmp_path: Path) -> None:
    planes = []
    for place in range(5):
        ds = dose(np.full((1, 3, 2), place, dtype="<u4"), uid=f"1.2.3.30{place}")
        ds.ImagePositionPatient = [0, 0, 3 * place]
        planes.append(ds)
    folder = save(tmp_path, structure_set(), plan(), *planes)
    middle = folder / "f4"
    middle.write_bytes(middle.read_bytes()[:-8])
    case = link(read(str(folder)))
    assert case.structure_set is not None
    assert case.dose is None
    assert "may be missing" in (case.dose_problem or "")
    assert codes(case) >= {"RTD017", "FIL001"}


def test_beam_doses_give_no_prescription_for_relative_metrics(tmp_path: Path) -> None:
    ds = plan()
    del ds.DoseReferenceSequence
    case = case_of(tmp_path, structure_set(), ds, dose())
    assert case.dose_is_plans
    assert prescribed_gy(case) is None
    assert codes(case) == {"RTP004"}


def test_an_roi_in_another_frame_is_not_evaluated(tmp_path: Path) -> None:
    ds = structure_set(("A", "B", "C"))
    ds.StructureSetROISequence[2].ReferencedFrameOfReferenceUID = "1.2.9.5"
    case = case_of(tmp_path, ds)
    assert case.structure_set is not None
    assert [s.problem is None for s in case.structure_set] == [True, True, False]
    assert codes(case) == {"LNK009"}


def test_images_of_the_same_frame_stand_in(tmp_path: Path) -> None:
    ds = structure_set()
    del ds.ReferencedFrameOfReferenceSequence
    case = case_of(tmp_path, ds, ct(0), ct(3))
    assert [len(series.files) for series in case.images] == [2]
    assert codes(case) == {"LNK008"}


def test_dose_alone_is_a_case(tmp_path: Path) -> None:
    case = case_of(tmp_path, dose(structures=None))
    assert case.structure_set is None
    assert case.dose is not None


def test_nothing_usable_says_why(tmp_path: Path) -> None:
    (tmp_path / "plan").write_bytes((DATA / "pydicom/rtplan_truncated.dcm").read_bytes())
    with pytest.raises(InputError, match="cut off"):
        link(read(str(tmp_path)))


def test_findings_of_unused_objects_stay_out(tmp_path: Path) -> None:
    empty = structure_set(uid="1.2.3.10")
    del empty.ROIContourSequence[0]
    case = case_of(tmp_path, empty, structure_set(), plan(), dose())
    assert codes(case) == {"LNK006"}


def test_dose_references_a_sum_of_plans(tmp_path: Path) -> None:
    ds = dose(summation="MULTI_PLAN")
    ds.ReferencedRTPlanSequence = [reference_to(RP_UID), reference_to("1.2.3.22")]
    case = case_of(tmp_path, structure_set(), plan(), ds)
    assert case.dose is not None
    assert not case.dose_is_plans
    assert case.dose.plan_uid is None


def test_real_case() -> None:
    case = link(read(str(DATA / "breast")))
    assert case.plan is not None
    assert case.plan.fractions == 7
    assert case.dose is not None
    assert float(case.dose.values_gy.max()) == pytest.approx(14.68, abs=0.01)
    assert case.dose_is_plans
    assert len(case.stored_dvhs) == 3
    assert case.structure_set is not None
    assert case.structure_set.frame_of_reference_uid != FRAME
    assert codes(case) == {"FIL004", "RTS001", "RTP003"}


def test_plan_and_dose_of_different_structure_sets_are_said(tmp_path: Path) -> None:
    case = case_of(tmp_path, structure_set(), plan(), dose(structures="1.2.3.88"))
    assert case.structure_set is not None
    assert case.structure_set.sop_instance_uid == RS_UID
    assert codes(case) == {"LNK014"}
    (note,) = case.findings
    assert "1.2.3.88" in note.text


def test_a_prescription_to_an_absent_roi_is_said(tmp_path: Path) -> None:
    ds = plan()
    ds.DoseReferenceSequence[0].ReferencedROINumber = 2
    assert codes(case_of(tmp_path / "a", structure_set(), ds, dose())) == set()
    ds.DoseReferenceSequence[0].ReferencedROINumber = 7
    assert codes(case_of(tmp_path / "b", structure_set(), ds, dose())) == {"LNK015"}


def test_referenced_images_of_another_frame_are_left_out(tmp_path: Path) -> None:
    slices = [ct(0), ct(3)]
    for ds in slices:
        ds.FrameOfReferenceUID = "1.2.9.9"
    case = case_of(tmp_path, structure_set(), plan(), dose(), *slices)
    assert case.images == ()
    assert codes(case) == {"LNK016"}
