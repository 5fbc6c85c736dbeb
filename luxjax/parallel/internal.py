"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._mesh import (
    STAR,
    SUM,
    Sharded,
    all_reduce,
    device_put_sharded,
    everywhere,
    from_first,
    is_main_process,
    on_mesh,
    shard_map_stars,
)
from ._stream import Streamed

__all__ = [
    "STAR",
    "SUM",
    "Sharded",
    "Streamed",
    "all_reduce",
    "device_put_sharded",
    "everywhere",
    "from_first",
    "is_main_process",
    "on_mesh",
    "shard_map_stars",
]
