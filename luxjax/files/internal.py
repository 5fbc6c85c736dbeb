"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._folder import parse_header, read_header, replaced_folder
from ._tables import check_table_name, read_table, write_fits, write_parquet
from ._toml import dumps

__all__ = [
    "check_table_name",
    "dumps",
    "parse_header",
    "read_header",
    "read_table",
    "replaced_folder",
    "write_fits",
    "write_parquet",
]
