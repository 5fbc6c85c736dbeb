"""What other packages of luxjax use of this one. No stability is promised to anyone else."""

from ._column_kinds import fitted_columns, kinds_of_columns, large_columns
from ._columns import provenance_of
from ._folder import FolderKind
from ._header import parse_header
from ._place import check_place
from ._tables import check_table_name, read_table, write_fits, write_parquet
from ._toml import dumps

__all__ = [
    "FolderKind",
    "check_place",
    "check_table_name",
    "dumps",
    "fitted_columns",
    "kinds_of_columns",
    "large_columns",
    "parse_header",
    "provenance_of",
    "read_table",
    "write_fits",
    "write_parquet",
]
