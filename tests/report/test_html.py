"""The page: loads nothing, runs nothing, hides nothing, says nothing that is not known."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from rtplan.report.html import render
from rtplan.report.text import LONGEST_NAME, visible

Report = dict[str, Any]
FIGURES = {
    "dvh.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "overview.png": b"\x89PNG",
    "lesion-L1.png": b"\x89PNG1",
}

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section"),
    *("footer", "h1", "h2", "h3", "p", "a", "ul", "ol", "li", "div", "span", "b", "br", "code"),
    *("dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "figure", "img", "details"),
    *("summary", "sup", "svg", "rect"),
}


class Page(HTMLParser):
    """The tags, attributes and text of a page, as a browser would find them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self._skip = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._skip = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All text, white space as one blank."""
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, name, value in self.attributes if name == attribute]


def test_every_sample_renders_to_the_same_text_twice(sample: Report) -> None:
    assert render(sample, FIGURES) == render(sample, FIGURES)


def test_only_our_own_tags_and_no_handlers_come_out(sample: Report) -> None:
    page = Page(render(sample, FIGURES))
    assert set(page.tags) <= TAGS
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert not page.values("style")


def test_nothing_is_loaded_from_anywhere(sample: Report) -> None:
    page = Page(render(sample, FIGURES))
    assert all(value.startswith("data:image/") for value in page.values("src"))
    for link in page.values("href"):
        assert link.startswith(("#", "https://doi.org/10."))
    assert {"srcset", "action", "data", "background", "formaction", "ping"}.isdisjoint(
        name for _, name, _ in page.attributes
    )
    style = re.search(r"<style>(.*?)</style>", render(sample, {}), re.S)
    assert style is not None
    assert "url(" not in style.group(1)
    assert "@import" not in style.group(1)


def test_the_policy_allows_the_style_sheet_by_its_hash_and_nothing_that_runs(
    make_report: Callable[[str], Report],
) -> None:
    page = render(make_report("fine"), FIGURES)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    policy = next(v for v in Page(page).values("content") if "default-src" in v)
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def test_a_poisoned_report_has_the_same_tags_as_a_sound_one(
    make_report: Callable[[str], Report],
) -> None:
    sound, poisoned = make_report("violated"), make_report("violated")
    attack = "</script></style></td><img src=x onerror=alert(1)>\"'>"
    for lesion in poisoned["lesions"]["lesions"]:
        lesion |= {"id": attack, "reason": attack, "laterality": attack, "organ": attack}
        lesion["structures"][0]["name"] = attack
    for structure in poisoned["dvh"]["structures"]:
        structure |= {"name": attack, "type": attack}
    for row in poisoned["limits"]["sets"][0]["rows"]:
        row["endpoint"] = row["unit"] = attack
    for place, finding in enumerate(poisoned["findings"]):
        finding |= {"text": f"{attack}{place}", "code": attack}
    for lesion in sound["lesions"]["lesions"]:
        lesion |= {"laterality": "left", "id": "M"}
    for structure in sound["dvh"]["structures"]:
        structure["type"] = "ORGAN"
    expected, found = Page(render(sound, {})), Page(render(poisoned, {}))
    assert found.tags == expected.tags
    assert found.text.count("onerror=alert(1)") > 30


@pytest.mark.parametrize(
    "place",
    [
        ("case",),
        ("verdict", "headline"),
        ("verdict", "lines", 0, "subject"),
        ("verdict", "lines", 0, "text"),
        ("objects", "plan", "approval"),
        ("objects", "dose", "used"),
        ("objects", "dose", "summation"),
        ("objects", "dose_problem"),
        ("objects", "images", 0, "modality"),
        ("lesions", "reason"),
        ("lesions", "lesions", 0, "id"),
        ("lesions", "lesions", 0, "reason"),
        ("lesions", "lesions", 0, "station"),
        ("lesions", "lesions", 0, "structures", 0, "name"),
        ("lesions", "structures", 0, "name"),
        ("lesions", "structures", 0, "reason"),
        ("prescriptions", "lesions", 0, "site"),
        ("prescriptions", "lesions", 0, "text"),
        ("prescriptions", "lesions", 0, "planned", "text"),
        ("prescriptions", "regimens", 0, "for"),
        ("prescriptions", "regimens", 0, "source_text"),
        ("eligibility", "pathways", 0, "title"),
        ("eligibility", "pathways", 1, "reason"),
        ("eligibility", "pathways", 1, "id"),
        ("eligibility", "definitions", 0, "title"),
        ("eligibility", "definitions", 0, "id"),
        ("eligibility", "definitions", 0, "criteria", 0, "text"),
        ("eligibility", "definitions", 0, "criteria", 0, "value"),
        ("eligibility", "definitions", 0, "criteria", 0, "limit"),
        ("eligibility", "definitions", 0, "criteria", 0, "source"),
        ("eligibility", "definitions", 0, "conditions", 0, "text"),
        ("limits", "sets", 0, "title"),
        ("limits", "sets", 0, "id"),
        ("limits", "sets", 0, "source"),
        ("limits", "sets", 0, "rows", 0, "structure"),
        ("limits", "sets", 0, "rows", 0, "matched", "name"),
        ("limits", "sets", 0, "rows", 0, "matched", "how"),
        ("limits", "sets", 0, "rows", 0, "metric"),
        ("limits", "sets", 0, "rows", 0, "unit"),
        ("limits", "sets", 0, "rows", 0, "endpoint"),
        ("limits", "sets", 0, "rows", 0, "source"),
        ("dvh", "structures", 0, "name"),
        ("dvh", "structures", 0, "type"),
        ("dvh", "structures", 0, "reason"),
        ("dvh", "stored", 0, "name"),
        ("findings", 0, "code"),
        ("findings", 0, "text"),
        ("settings", "dvh", "end_cap"),
        ("inputs", 0, "sop_instance_uid"),
        ("inputs", 0, "modality"),
        ("version",),
    ],
    ids=lambda place: ".".join(map(str, place)),
)
def test_a_hostile_text_is_shown_as_text_in_every_sink(
    place: tuple[str | int, ...],
    make_report: Callable[[str], Report],
    hostile_names: tuple[str, ...],
) -> None:
    for name in hostile_names:
        report: Any = make_report("fine")
        target = report
        for step in place[:-1]:
            target = target[step]
        target[place[-1]] = name
        page = Page(render(report, {}))
        assert set(page.tags) <= TAGS
        assert not re.search("[\u202e\u0000\u001b]", page.text)
        seen = visible(name)
        if name and len(seen) <= LONGEST_NAME:
            shown = page.text.replace("  ", " ")
            plain = seen.replace("_", " ").strip()  # words of the contract are shown so
            assert seen in shown or plain.lower() in shown.lower()


@pytest.mark.parametrize("word", ["None", "nan", "NaN", "null", "Undefined", "undefined", "[]"])
def test_what_is_not_known_is_never_a_word_of_the_program(
    word: str, make_report: Callable[[str], Report]
) -> None:
    for kind in ("fine", "violated", "nothing", "no_lesions", "bare"):
        text = Page(render(make_report(kind), FIGURES)).text
        assert not re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", text), kind


def test_what_is_not_known_is_a_dash_and_never_zero(
    make_report: Callable[[str], Report],
) -> None:
    page = render(make_report("nothing"), {})
    section = page[page.index('id="dvh"') : page.index('id="stored"')]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", section, re.S)
    shown = [re.sub(r"<[^>]*>|\s", "", cell) for cell in cells]
    first = ["—"] * 6 + ["notevaluated1"]  # its reason is not the structure's own
    assert shown == first + ["ORGAN", "100.0"] + ["—"] * 5


def test_a_number_that_is_not_finite_is_refused(make_report: Callable[[str], Report]) -> None:
    report = make_report("fine")
    report["dvh"]["structures"][0]["dose_gy"]["mean"] = float("nan")
    with pytest.raises(ValueError, match="not a number to show"):
        render(report, {})


def test_sections_come_in_the_order_a_reader_needs_them(
    make_report: Callable[[str], Report],
) -> None:
    page = render(make_report("violated"), FIGURES)
    wanted = [
        "verdict",
        "read",
        "lesions",
        "regimens",
        "definitions",
        "pathways",
        "limits",
        "dvh",
        "stored",
        "findings",
        "provenance",
    ]
    assert [v for v in Page(page).values("id") if not v.startswith("h-")] == wanted
    assert "Not a medical device" in page[page.index("<footer>") :]


def test_statuses_have_a_word_and_a_symbol_beside_their_colour(
    make_report: Callable[[str], Report],
) -> None:
    text = Page(render(make_report("violated"), {})).text
    for shown in ("✕ violated", "≠ not consistent", "? could not be told", "✓ met"):
        assert shown in text


def test_limits_not_evaluated_are_apart_and_none_is_met(
    make_report: Callable[[str], Report],
) -> None:
    page = render(make_report("violated"), {})
    section = page[page.index('id="limits"') : page.index('id="dvh"')]
    table, rest = section.split("<details", 1)
    assert "Cochlea" not in table
    assert "Cochlea" in rest
    assert "7 limits of tg101: none of them counts as met" in rest
    assert 'class="badge met"' not in rest
    assert not rest.startswith(' class="card" open')


def test_every_limit_has_its_source_and_evidence_beside_it(
    make_report: Callable[[str], Report],
) -> None:
    page = render(make_report("violated"), {})
    section = page[page.index('id="limits"') : page.index("<details", page.index('id="limits"'))]
    rows = section[section.index("<tbody>") :].split("<tr")[1:]
    assert len(rows) == 4
    for row in rows:
        assert "doi:10.1118/1.3438081" in row
        assert "secondary" in row


def test_violated_limits_come_first(make_report: Callable[[str], Report]) -> None:
    page = render(make_report("violated"), {})
    section = page[page.index('id="limits"') :]
    assert section.index("Trachea") < section.index("SpinalCord")


def test_a_value_just_beyond_its_limit_does_not_read_as_the_limit(
    make_report: Callable[[str], Report],
) -> None:
    text = Page(render(make_report("violated"), {})).text
    assert "40.0004" in text
    assert "−0.0004" in text


def test_bounds_of_the_count_are_shown_where_they_differ(
    make_report: Callable[[str], Report],
) -> None:
    assert "drawn, between 1 and 3" in Page(render(make_report("violated"), {})).text
    assert "drawn, between" not in Page(render(make_report("fine"), {})).text
    assert "no target is drawn" in Page(render(make_report("no_lesions"), {})).text


def test_figures_are_in_the_page_and_missing_ones_leave_no_hole(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("fine")
    sources = Page(render(report, FIGURES)).values("src")
    assert sources == [
        "data:image/png;base64," + base64.b64encode(FIGURES["overview.png"]).decode(),
        "data:image/png;base64," + base64.b64encode(FIGURES["lesion-L1.png"]).decode(),
        "data:image/svg+xml;base64," + base64.b64encode(FIGURES["dvh.svg"]).decode(),
    ]
    assert Page(render(report, {})).values("src") == []


@pytest.mark.parametrize(
    ("source", "links"),
    [
        ("doi:10.1118/1.3438081, table III", ["10.1118/1.3438081"]),
        ("https://doi.org/10.1016/j.ejca.2023.02.007.", ["10.1016/j.ejca.2023.02.007"]),
        ("(doi:10.1016/S0140-6736(18)32487-5)", ["10.1016/S0140-6736(18)32487-5"]),
        ("doi:10.1/x", []),
        ("https://evil.example/10.1118/x", ["10.1118/x"]),
        ('doi:10.1118/"><script>', []),
        ("a book", []),
    ],
)
def test_sources_link_to_their_doi_and_to_nothing_else(
    source: str, links: list[str], make_report: Callable[[str], Report]
) -> None:
    report = make_report("bare")
    report["limits"] = {"sets": [make_report("nothing")["limits"]["sets"][0] | {"source": source}]}
    page = Page(render(report, {}))
    found = [link for link in page.values("href") if not link.startswith("#")]
    assert found == [f"https://doi.org/{link}" for link in links]


def test_long_lists_of_reasons_are_folded(make_report: Callable[[str], Report]) -> None:
    report = make_report("fine")
    line = {"status": "indeterminate", "subject": "x", "text": "y"}
    report["verdict"]["lines"] = [line] * 30
    text = Page(render(report, {})).text
    assert "18 more 18 could not be told" in text


def test_questions_of_a_decision_tree_are_answered_and_not_failed(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("fine")
    criterion = report["eligibility"]["definitions"][0]["criteria"][0]
    criterion |= {"text": "Was it there before?", "status": "not_met", "limit": "true"}
    criterion["value"] = False
    page = render(report, {})
    section = page[page.index('id="definitions"') : page.index('id="pathways"')]
    assert "not met" not in section
    assert "· no Was it there before? no yes" in Page(section).text


def test_notes_and_gaps_of_a_limit_set_stand_under_its_table(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("violated")
    report["limits"]["sets"][0] |= {
        "notes": ["Max is read as the dose to 0.035 cc."],
        "gaps": [{"id": "corrections", "text": "What the corrections changed"}],
    }
    text = Page(render(report, {})).text
    limits = text[text.index("Dose limits", text.index("Definitions of")) :]
    assert "Max is read as the dose to 0.035 cc." in limits
    assert "left open: What the corrections changed" in limits


def test_conditions_and_pathways_have_their_status(make_report: Callable[[str], Report]) -> None:
    report = make_report("violated")
    item = {"id": "x", "evidence": "verified", "source": "doi:10.1000/1", "needs": []}
    report["eligibility"]["definitions"][0] |= {
        "conditions": [
            item | {"text": "PET was done", "status": "met"},
            item | {"text": "restaging", "status": None},
            item | {"text": "brain imaging", "status": "unknown"},
        ],
        "pathways": [
            item | {"text": "therapy first", "status": "not_met"},
            item | {"text": "local treatment also", "status": "met"},
        ],
    }
    text = Page(render(report, {})).text
    for words in (
        "met : PET was done",
        "not evaluated : restaging",
        "not known : brain imaging",
        "does not hold : therapy first",
        "holds : local treatment also",
    ):
        assert words in text


@pytest.mark.parametrize(("site", "shown"), [("oesophagus", "oesophagus"), (None, "—")])
def test_site_of_the_primary_is_its_organ_and_not_other(
    make_report: Callable[[str], Report], site: str | None, shown: str
) -> None:
    report = make_report("fine")
    lesion = report["lesions"]["lesions"][0]
    lesion |= {"id": "L9", "category": "primary", "organ": "other", "laterality": None}
    report["primary"] = {"site": site}
    text = Page(render(report, {})).text
    assert f"L9 primary {shown} " in text
    assert "L9 primary other" not in text


def test_a_limit_within_uncertainty_is_said_to_be_and_what_that_holds(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("violated")
    rows = report["limits"]["sets"][0]["rows"]
    rows[1] |= {"uncertainty": 0.05, "within_uncertainty": True}
    rows[2] |= {"uncertainty": 1.26, "within_uncertainty": False}
    page = render(report, {})
    text = Page(page[page.index('id="limits"') : page.index('id="dvh"')]).text
    assert text.count("within uncertainty") == 1
    assert "✓ met , within uncertainty Esophagus" in text
    assert "19.496 ± 0.050 Gy" in text
    assert "23.00 ± 1.3 Gy" in text
    assert "± is the sum of three distances from the value" in text
    assert "the value ± its uncertainty holds every reading" in text
    assert "calculated and how it is delivered are not in it" in text
    assert "Within uncertainty : the limit lies inside" in text


def test_without_uncertainties_the_page_does_not_speak_of_them(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("violated")
    for structure in report["dvh"]["structures"]:
        for result in structure["metrics"].values():
            result["uncertainty"] = None
    text = Page(render(report, {})).text
    assert "±" not in text
    assert "uncertainty" not in text


def test_uncertainties_of_volume_and_extremes_stand_under_their_values(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("fine")
    metrics = report["dvh"]["structures"][0]["metrics"]
    known = {"value": 1.84, "uncertainty": 0.031, "status": "evaluated", "reason": None}
    metrics["Volume[cc]"] = known | {"uncertainty_reason": None}
    metrics["Mean[Gy]"] = known | {"uncertainty": None, "uncertainty_reason": "one has no dose"}
    page = render(report, {})
    text = Page(page[page.index('id="dvh"') : page.index('id="stored"')]).text
    assert "1.840 ± 0.031" in text
    assert "55.00 ± ? 1" in text
    assert "± not known: one has no dose" in text
    assert "Volume[cc]" not in text


def test_a_limit_whose_uncertainty_is_not_known_says_why(
    make_report: Callable[[str], Report],
) -> None:
    report = make_report("fine")
    report["limits"]["sets"][0]["rows"][0]["uncertainty_reason"] = "a reading has no dose"
    assert "± not known: a reading has no dose" in Page(render(report, {})).text
