"""rtplan: lesion counts, oligometastatic definitions, exact DVHs and plan checks from DICOM-RT."""

__version__ = "0.1.0"
