"""Beam doses stand for the plan only where they are all there and can be added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from rtplan.case import Case
from rtplan.dicom.beams import sum_of_beams
from rtplan.dicom.link import Choice, link
from rtplan.dicom.read import read
from rtplan.errors import AmbiguousError
from tests.dicom.objects import RP_UID, beam_dose, dose, plan, reference_to, save, structure_set

PROTON = Path(__file__).parents[1] / "data" / "proton"


def case_of(folder: Path, *objects: Dataset) -> Case:
    return link(read(str(save(folder, structure_set(), *objects))))


def codes(case: Case) -> set[str]:
    return {note.code for note in case.findings}


def test_the_doses_of_all_beams_are_the_plans(tmp_path: Path) -> None:
    second = beam_dose(2)
    second.DoseGridScaling = "0.005"
    case = case_of(tmp_path, plan(), second, beam_dose(1))
    assert case.dose is not None
    assert np.allclose(case.dose.values_gy.ravel(), 1.5 * np.arange(24))
    assert case.dose_is_plans
    assert [item.modality for item in case.inputs] == ["RTSTRUCT", "RTPLAN", "RTDOSE", "RTDOSE"]
    assert codes(case) == {"LNK012"}
    assert any("sum of 2 RT Doses of beams 1, 2" in note.text for note in case.findings)


def test_one_dose_of_all_beams_is_the_plans(tmp_path: Path) -> None:
    case = case_of(tmp_path, plan(), beam_dose(1, 2))
    assert case.dose_is_plans
    assert codes(case) == {"LNK012"}


def test_setup_beams_need_no_dose(tmp_path: Path) -> None:
    ds = plan()
    ds.BeamSequence[1].TreatmentDeliveryType = "SETUP"
    assert case_of(tmp_path, ds, beam_dose(1)).dose_is_plans


def test_a_chosen_beam_dose_is_used_alone(tmp_path: Path) -> None:
    save(tmp_path, structure_set(), plan(), beam_dose(1), beam_dose(2))
    case = link(read(str(tmp_path)), choice=Choice(dose="302"))
    assert case.dose is not None
    assert case.dose.values_gy.max() == pytest.approx(23)
    assert not case.dose_is_plans
    assert codes(case) == {"LNK003", "LNK006"}


def _set(keyword: str, value: object) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        setattr(ds, keyword, value)

    return change


def _other_plan(ds: Dataset) -> None:
    ds.ReferencedRTPlanSequence.append(reference_to("1.2.3.99"))


def _no_beam(ds: Dataset) -> None:
    del ds.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence


NOT_ALIKE: dict[str, tuple[Callable[[Dataset], None], str]] = {
    "effective": (_set("DoseType", "EFFECTIVE"), "only PHYSICAL doses add up"),
    "no type": (_set("DoseType", ""), "only PHYSICAL doses add up"),
    "shifted": (_set("ImagePositionPatient", [-5, -6, 7.5]), "different grids"),
    "finer": (_set("PixelSpacing", [2, 2.9]), "different grids"),
    "uneven": (_set("GridFrameOffsetVector", [0, 4, 8, 13]), "different grids"),
    "frame": (_set("FrameOfReferenceUID", "1.2.9.9"), "frames of reference"),
    "patient": (_set("PatientID", "ANOTHER"), "different patients"),
    "relative": (_set("DoseUnits", "RELATIVE"), "cannot be used: Dose Units is RELATIVE"),
    "two plans": (_other_plan, "not of this plan alone"),
    "no beam": (_no_beam, "does not say which beam"),
}


@pytest.mark.parametrize("name", NOT_ALIKE)
def test_doses_that_are_not_alike_are_not_summed(name: str, tmp_path: Path) -> None:
    change, reason = NOT_ALIKE[name]
    second = beam_dose(2)
    change(second)
    found = read(str(save(tmp_path, structure_set(), plan(), beam_dose(1), second)))
    assert reason in str(sum_of_beams(found.plans[0], found.doses))
    single = link(found, choice=Choice(patient="patient-1", dose="301"))
    assert not single.dose_is_plans


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ([(1,), (2,), (7,)], "does not treat with beam 7"),
        ([(1, 2), (2,)], "several doses of beam 2"),
    ],
)
def test_too_many_doses_are_not_summed(
    numbers: list[tuple[int, ...]], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(AmbiguousError, match=reason):
        case_of(tmp_path, plan(), *(beam_dose(*each) for each in numbers))


@pytest.mark.parametrize(
    ("fractions", "prescribed", "reason"),
    [
        (1, 25, None),
        (5, 25, None),
        (2, 25, "of one or of all 2"),  # highest 46 Gy: 184 % of it, or 368 % were it one fraction
        (10, 230, "of one or of all 10"),
        (5, None, "nothing tells"),
        (1, None, None),
    ],
)
def test_a_sum_that_may_be_of_one_fraction_is_not_the_plans(
    fractions: int, prescribed: float | None, reason: str | None, tmp_path: Path
) -> None:
    ds = plan(fractions=fractions)
    if prescribed is None:
        del ds.DoseReferenceSequence
    else:
        ds.DoseReferenceSequence[0].TargetPrescriptionDose = prescribed
    if fractions == 2:
        ds.DoseReferenceSequence[0].TargetPrescriptionDose = 40
    case = case_of(tmp_path, ds, beam_dose(1), beam_dose(2))
    assert case.dose is not None
    assert case.dose_is_plans == (reason is None)
    assert (reason or "") in (case.dose_doubt or "")
    assert ("LNK003" in codes(case)) == (reason is not None)


@pytest.mark.parametrize(
    ("prescribed", "doubted"), [(47, True), (45, False), (4.7, False), (4.5, True), (2500, True)]
)
def test_a_total_dose_far_from_the_prescription_is_doubted(
    prescribed: float, doubted: bool, tmp_path: Path
) -> None:
    ds = plan()
    ds.DoseReferenceSequence[0].TargetPrescriptionDose = prescribed
    case = case_of(tmp_path, ds, dose())
    assert case.dose is not None
    assert case.dose_is_plans == (not doubted)
    assert codes(case) == ({"LNK013"} if doubted else set())
    if doubted:
        assert f"23 Gy, the plan prescribes {prescribed:g} Gy" in (case.dose_doubt or "")


def test_a_high_dose_near_sources_is_not_doubted(tmp_path: Path) -> None:
    ds = plan()
    ds.DoseReferenceSequence[0].TargetPrescriptionDose = 4
    del ds.BeamSequence, ds.FractionGroupSequence[0].ReferencedBeamSequence
    ds.FractionGroupSequence[0].NumberOfBrachyApplicationSetups = 1
    case = case_of(tmp_path, ds, dose())
    assert case.dose_is_plans
    assert codes(case) == {"RTP005"}


def test_beams_of_a_real_plan_add_up_to_its_dose(tmp_path: Path) -> None:
    """Their Dose Type is EFFECTIVE, which is not summed; a copy that says PHYSICAL is."""
    names = ("rtplan.dcm", "beam1.dcm", "beam2.dcm")
    for name in (*names, "rtss.dcm", "plan_dose.dcm"):
        data = (PROTON / name).read_bytes()
        (tmp_path / name).write_bytes(data.replace(b"EFFECTIVE ", b"PHYSICAL\0\0"))
    total = link(read(str(tmp_path)))
    assert total.dose_is_plans
    assert total.dose is not None
    (tmp_path / "plan_dose.dcm").unlink()
    summed = link(read(str(tmp_path)))
    assert summed.dose_is_plans
    assert summed.dose is not None
    assert "LNK012" in codes(summed)
    assert np.abs(total.dose.values_gy - summed.dose.values_gy).max() < 5e-5
    for name in names:
        (tmp_path / name).write_bytes((PROTON / name).read_bytes())
    with pytest.raises(AmbiguousError, match="Dose Type is EFFECTIVE"):
        link(read(str(tmp_path)))


def test_plan_reference_of_the_sum(tmp_path: Path) -> None:
    case = case_of(tmp_path, plan(), beam_dose(1), beam_dose(2))
    assert case.dose is not None
    assert case.dose.plan_uid == RP_UID
