"""TODO report.sections."""
