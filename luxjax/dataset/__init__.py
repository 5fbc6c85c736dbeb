"""Any number of stars on disk: a zarr group and a parquet table, appended atomically, checked, read in batches.

`Results` hold what was computed for every star; they are written incrementally.

Needs ``pip install 'luxjax[dataset]'``; zarr, pyarrow and fsspec are loaded when a dataset is used.
"""

from ._dataset import Dataset, open_dataset
from ._ingest import ingest_dataset

__all__ = [
    "Dataset",
    "ingest_dataset",
    "open_dataset",
]
