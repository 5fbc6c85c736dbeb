"""Any number of stars on disk: a zarr group and a parquet table, appended atomically, checked, read in batches.

Beside them `Results`, what was worked out for every star, written as it comes.

Needs ``pip install 'luxjax[dataset]'``; zarr, pyarrow and fsspec are loaded when a dataset is used.
"""

from ._dataset import Dataset, open_dataset
from ._ingest import ingest_dataset

__all__ = [
    "Dataset",
    "ingest_dataset",
    "open_dataset",
]
