"""The report: content, figures, HTML, tables."""
