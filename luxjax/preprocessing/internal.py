"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

__all__ = []
