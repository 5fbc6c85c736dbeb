"""Stars divided among devices and processes, or streamed from disk."""

from ._mesh import star_mesh
from ._processes import broadcast_from_first, join_processes

__all__ = [
    "broadcast_from_first",
    "join_processes",
    "star_mesh",
]
