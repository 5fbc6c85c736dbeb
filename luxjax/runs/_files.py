"""A study from raw files: ingest, split by star, study, and labels for every star that had none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core import check_name
from ..data import split
from ..fitting import EM
from ..models import Lux
from ..prediction import transfer
from ..surveys import ingest
from ._folder import RunFolder
from ._kinds import RunKind
from ._study import STUDY_FILES, STUDY_SECTIONS, Stage, study

__all__ = ["study_files"]

KINDS = (
    RunKind(
        "files",
        "inference/apogee_to_galah.py",
        "The labels of a catalogue, predicted for all spectra of a folder.",
        {
            **STUDY_FILES,
            "transferred.fits": "Labels of the stars that had none.",
            "transferred.parquet": "The same table as Parquet, where pyarrow is installed.",
        },
        STUDY_SECTIONS,
    ),
)


def study_files(
    config: Mapping[str, Any], folder: str | Path, *, output: str, stage: Stage, overwrite: bool = False
) -> RunFolder:
    """Predict the labels of a catalogue for all spectra of a folder.

    The spectra that have labels are split by star: a linear model is fitted to the training part, its errors are
    calibrated on the second part and evaluated on the third. Stars without labels then get theirs, in the tables
    ``transferred.fits`` and ``transferred.parquet`` of the run. What was read and lost stands in ``log.txt``.

    Parameters
    ----------
    config : mapping
        ``seed`` and the tables ``data`` (``spectra``, ``workers`` and fields of `luxjax.surveys.IngestOptions`), ``split``
        (fractions by part) and ``fit`` (``latents``, ``readout``, ``baselines`` and options of `luxjax.fitting.EM`).
    folder : path
        Run folder; made once the files have been read, so that a wrong path costs no earlier run.
    output : str
        Name to give to the spectra.
    stage : callable
        Shows progress, as for `study`.
    overwrite : bool
        Whether an earlier run in the folder may be replaced.
    """
    RunFolder.check_free(folder, overwrite=overwrite)
    for name in ("seed", "data", "split", "fit"):
        check_name("part of the configuration", name, config)
    data, fit = dict(config["data"]), dict(config["fit"])
    with stage("read, reduce and join"):
        ingested = ingest(
            data.pop("spectra"),
            workers=data.pop("workers", None),
            progress=False,
            spectra_name=output,
            **data,
        )
    run = RunFolder.create(folder, config=config, seed=config["seed"], overwrite=overwrite)
    with run.filling():
        for line in ingested.summary.splitlines():
            run.log(line)
        labelled = ingested.labelled
        assert labelled is not None  # labels were asked for, and ingest raises where there are none
        parts = split(list(labelled.ids), config["split"], seed=config["seed"])
        latents, baselines, readout = (fit.pop(name) for name in ("latents", "baselines", "readout"))
        found = study(
            Lux.linear(labelled.sizes, latents),
            {name: labelled.select(rows) for name, rows in parts.items()},
            run,
            EM(**fit),
            key=config["seed"],
            inputs=[output],
            baselines=baselines,
            readout=None if readout == "joint" else readout,
            stage=stage,
        )
        if ingested.unlabelled is not None:
            with stage("labels of the stars that had none"):
                new = transfer(found.fitted, ingested.unlabelled, inputs=[output])
                table = new.to_frame()
                table.insert(1, "snr", ingested.unlabelled.spectra(output).snr)
                run.write_labels(table, new.units, name="transferred")
    return run
