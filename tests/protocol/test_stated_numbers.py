"""Numbers that the facts state, as quantities of a rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtplan.errors import ProtocolError
from rtplan.facts import DiseaseFacts, Facts, PrimaryFacts
from rtplan.protocol.load import load_definition
from rtplan.protocol.logic import Op, Truth
from rtplan.protocol.model import Quantity, QuantityRule
from rtplan.protocol.outcome import Known, evaluate_rule
from rtplan.protocol.rules import FACTS, negated
from rtplan.protocol.tally import tally

from . import cases
from .test_load import DEFINITION

RULE = 'rule = { quantity = "metastases", op = "<=", limit = 5 }'
STATED = [quantity for quantity in Quantity if quantity.fact]


def known(facts: Facts) -> Known:
    counting = load_definition("fong").counting
    return Known(tally(cases.reading("liver"), facts, counting), facts, {"at": "at the limit"})


def facts(value: float | None) -> Facts:
    return Facts(PrimaryFacts(cea_ng_ml=value), DiseaseFacts(uninvolved_liver_cc=value))


@pytest.mark.parametrize("quantity", STATED)
def test_it_is_a_fact_with_a_unit_and_no_count(quantity: Quantity) -> None:
    assert FACTS[quantity.fact or ""].startswith("float")
    assert quantity.unit
    assert not quantity.is_count
    assert not quantity.is_size


@pytest.mark.parametrize("quantity", STATED)
@pytest.mark.parametrize(
    ("value", "above"),
    [(None, "unknown"), (199.5, "not_met"), (200.0, "not_met"), (200.5, "met"), (0.0, "not_met")],
)
def test_it_is_held_against_its_limit(quantity: Quantity, value: float | None, above: str) -> None:
    rule = QuantityRule(quantity, Op.MORE, 200.0)
    outcome = evaluate_rule(rule, known(facts(value)), {})
    assert outcome.truth == above
    assert outcome.value == value
    assert outcome.needs == ((quantity.fact,) if value is None else ())
    assert not outcome.counted
    opposite = evaluate_rule(negated(rule), known(facts(value)), {}).truth
    assert opposite == {"met": "not_met", "not_met": "met", "unknown": "unknown"}[above]


def test_value_at_a_limit_that_sources_leave_open_is_unknown() -> None:
    rule = QuantityRule(Quantity.CEA_NG_ML, Op.MORE, 200.0, at_limit_gap="at")
    at_limit = evaluate_rule(rule, known(facts(200.0)), {})
    assert (at_limit.truth, at_limit.needs) == (Truth.UNKNOWN, ("gap.at",))
    assert evaluate_rule(rule, known(facts(201.0)), {}).truth is Truth.MET


@pytest.mark.parametrize(
    ("rule", "where", "words"),
    [
        ('quantity = "cea_ng_ml", op = "==", limit = 200', "rule.op", "has no meaning"),
        ('quantity = "cea_ng_ml", op = ">", limit = 200, in = ["liver"]', "rule.in", "no meaning"),
        ('quantity = "cea_ng_ml", op = ">", limit = -1', "rule.limit", "below 0"),
        ('quantity = "cea", op = ">", limit = 200', "rule.quantity", 'did you mean "cea_ng_ml"'),
        ('fact = "primary.cea_ng_ml", is = true', "rule.fact", "is not known"),
    ],
)
def test_wrong_rule_is_named(tmp_path: Path, rule: str, where: str, words: str) -> None:
    assert RULE in DEFINITION
    file = tmp_path / "mine.toml"
    file.write_text(DEFINITION.replace(RULE, f"rule = {{ {rule} }}"), encoding="utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_definition(str(file))
    assert where in str(caught.value)
    assert words in str(caught.value)


def test_half_a_unit_is_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = 'rule = { quantity = "cea_ng_ml", op = "<", limit = 2.5 }'
    file.write_text(DEFINITION.replace(RULE, text), encoding="utf-8")
    (criterion, *_) = load_definition(str(file)).criteria
    assert criterion.rule == QuantityRule(Quantity.CEA_NG_ML, Op.LESS, 2.5)
