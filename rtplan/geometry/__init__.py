"""Pure geometry: grids, contours, solids. No DICOM, no dose."""
