"""Synthetic patients and solids with closed-form truth, written as DICOM-RT."""

from .registry import Entry, build, catalogue, make

__all__ = ["Entry", "build", "catalogue", "make"]
