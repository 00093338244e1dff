"""Notes: what is noticed in one object while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtplan.findings import Finding, finding


@dataclass(slots=True)
class Notes:
    """Findings of one object, in the order in which they were noticed."""

    uid: str
    found: list[Finding] = field(default_factory=list)

    def add(
        self, code: str, text: str, roi_number: int | None = None, path: str | None = None
    ) -> None:
        """Note a finding of the object, of one of its ROIs or segments, or at a path in it."""
        self.found.append(
            finding(code, text, sop_instance_uid=self.uid, roi_number=roi_number, path=path)
        )
