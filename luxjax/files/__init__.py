"""What is written to disk and read back: folders with a header, configurations, tables."""

from ._config import merge_config, read_config
from ._tables import write_table

__all__ = [
    "merge_config",
    "read_config",
    "write_table",
]
