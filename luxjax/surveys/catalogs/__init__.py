"""Catalogues of surveys: columns, quality cuts, labels, and their join with spectra."""
