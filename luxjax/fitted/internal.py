"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._calibration import check_alike
from ._patterns import calibration_by_rows, patterns
from ._store import MODEL_FOLDER, fingerprint
from ._suits import check_spectra, pixels_of
from ._verdict import current_words

__all__ = [
    "MODEL_FOLDER",
    "calibration_by_rows",
    "check_alike",
    "check_spectra",
    "current_words",
    "fingerprint",
    "patterns",
    "pixels_of",
]
