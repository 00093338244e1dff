"""The bounds hold on every generated patient, and the best reading is right on nearly all."""

from rtplan.lesions.read import read_lesions
from tests.lesions.catalogue import WAYS, patient

PATIENTS = 8 * len(WAYS)


def test_bounds_hold_and_best_is_right_on_generated_patients() -> None:
    wrong = []
    for seed in range(PATIENTS):
        case = patient(seed)
        count = read_lesions(case.drawn).count
        if count.best is None or count.lower is None or count.upper is None:
            assert case.truth == 0, (seed, case.way)
            continue
        assert count.lower <= case.truth <= count.upper, (seed, case.way, count)
        if count.best != case.truth:
            wrong.append((seed, case.way))
    assert len(wrong) <= PATIENTS // 100, wrong
