"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._mesh import STAR, SUM, device_put_sharded, local_stars, on_mesh, shard_map_stars

__all__ = [
    "STAR",
    "SUM",
    "device_put_sharded",
    "local_stars",
    "on_mesh",
    "shard_map_stars",
]
