"""DICOM at the edges: reading, linking, writing. The only user of pydicom."""
