"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._flags import describe_flags

__all__ = ["describe_flags"]
