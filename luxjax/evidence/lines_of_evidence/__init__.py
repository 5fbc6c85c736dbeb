"""TODO evidence.lines_of_evidence."""
