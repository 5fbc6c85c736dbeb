"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._store import fingerprint
from ._verdict import current_words

__all__ = [
    "current_words",
    "fingerprint",
]
