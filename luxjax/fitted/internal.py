"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._store import MODEL_FOLDER, fingerprint

__all__ = [
    "MODEL_FOLDER",
    "fingerprint",
]
