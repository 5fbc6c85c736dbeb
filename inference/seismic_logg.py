"""The surface gravity of cool giants from their light curves alone: nu_max by a fit of granulation and modes, log g by its scaling relation.

Light curves of Kepler and TESS (FITS) or text are read, those of one star joined, and the template of granulation, modes, slow variations and white noise is fitted
to the power spectrum of each star. A star is accepted, or its row says why not. Where nu_max or log g are known from elsewhere (a table), the two are compared.

    python inference/seismic_logg.py [--config FILE] [--out FOLDER] [--smoke]

The options stand in seismic_logg.toml, beside this file; labels.csv and labels.fits hold the results, as `luxjax lightcurve` writes them. With --smoke light curves are simulated.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from recipes import Recipe

from luxjax.cli import Steps
from luxjax.core import InputError
from luxjax.files import write_table
from luxjax.lightcurves import measure_files
from luxjax.plots import plot_power_spectrum
from luxjax.runs import RunFolder
from luxjax.simulation import simulate_oscillations
from luxjax.surveys import read_catalog

SMOKE = {"out": "runs/smoke/seismic_logg", "overwrite": True, "data": {"time_standard": "bkjd"}}
RECIPE = Recipe(__file__, __doc__, SMOKE)
UNITS = {
    "nu_max": "uHz",
    "nu_max_err": "uHz",
    "teff": "K",
    "teff_err": "K",
    "observed_d": "d",
    "cadence_s": "s",
}


def simulated_curves(folder: Path, smoke: dict, seed: int) -> dict:
    """Options of the data for light curves of simulated giants, a text file each, with tables of their temperatures and of the truth."""
    nu_max = np.geomspace(12.0, 200.0, smoke["stars"])
    stars = simulate_oscillations(
        smoke["stars"], key=seed, days=smoke["days"], cadence_s=smoke["cadence_s"], nu_max=nu_max
    )
    (folder / "curves").mkdir(parents=True, exist_ok=True)
    for k, star in enumerate(stars.table["id"]):
        curve = stars.light_curve(k)
        np.savetxt(
            folder / "curves" / f"{star}.txt", np.column_stack([curve.time, curve.flux, curve.flux_err])
        )
    stars.table[["id", "teff"]].to_csv(folder / "teff.csv", index=False)
    stars.table[["id", "nu_max", "logg"]].to_csv(folder / "truth.csv", index=False)
    return {"curves": str(folder / "curves"), "teff": str(folder / "teff.csv")}


def column_of(file: str, name: str, id_column: str) -> dict[str, float]:
    """A column of a table by star."""
    frame = read_catalog(Path(file), [id_column, name])
    return dict(zip(frame[id_column].astype(str), frame[name].astype(float), strict=True))


def compared(table: pd.DataFrame, known: dict) -> dict:
    """How far accepted stars are from values known from elsewhere."""
    kept, found = table[table["accepted"].astype(bool)], {}
    for name, column in (("nu_max", known["nu_max"]), ("logg", known["logg"])):
        if not column:
            continue
        values = column_of(known["table"], column, known["id"])
        there = kept[kept["id"].isin(values)]
        if there.empty:
            raise InputError(
                f"no accepted star is in {known['table']}; its column {known['id']} has to hold the ids of labels.csv."
            )
        truth = there["id"].map(values).to_numpy()
        off = np.log10(there[name] / truth) if name == "nu_max" else there[name] - truth
        pull = off / there["log_nu_max_err" if name == "nu_max" else "logg_err"]
        found[name] = {"stars": len(there), "median_dex": float(off.median()), "rmse_dex": float(np.sqrt((off**2).mean())), "pull_sd": float(pull.std(ddof=0))}  # fmt: skip
    return found


def run(config: dict, smoke: bool) -> Path:
    steps, out, data, known = Steps(), Path(config["out"]), dict(config["data"]), dict(config["compare"])
    RunFolder.check_free(out, overwrite=config["overwrite"])
    if smoke:
        folder = out.with_name(f"{out.name}-files")
        with steps("simulate light curves and write them"):
            data |= simulated_curves(folder, config["smoke"], config["seed"])
        known |= {"table": str(folder / "truth.csv"), "nu_max": "nu_max", "logg": "logg"}
    if not Path(data["curves"]).exists():
        raise InputError(
            f"there is no folder or file {data['curves']}; name the light curves: curves in [data]."
        )
    temperatures = column_of(data["teff"], data["teff_column"], data["id_column"]) if data["teff"] else None
    with steps("read light curves and fit power spectra") as told:
        table, spectra = measure_files(
            [data["curves"]],
            flux=data["flux"],
            drop_flags=data["drop_flags"] or None,
            time_standard=data["time_standard"],
            teff=temperatures,
            teff_err=data["teff_err"],
            lowest=config["fit"]["lowest"],
            progress=told,
        )
    metrics = {"stars": len(table), "accepted": int(table["accepted"].sum())}
    metrics |= compared(table, known) if known["table"] else {}
    folder = RunFolder.create(out, config=config, seed=config["seed"], overwrite=config["overwrite"])
    for name in ("labels.csv", "labels.fits"):
        write_table(table, UNITS, folder.path / name)
    folder.write_metrics(metrics)
    if config["figures"]:
        with steps("draw power spectra"):
            (folder.path / "figures").mkdir(exist_ok=True)
            for k, one in enumerate(spectra[: config["figures"]]):
                name = one.id.replace(" ", "_")
                plot_power_spectrum(one, table.iloc[k], config["fit"]["lowest"]).savefig(
                    folder.path / "figures" / f"{name}.png", dpi=200
                )
    print(f"{metrics['accepted']} of {len(table)} stars accepted")
    for name, said in metrics.items():
        if isinstance(said, dict):
            print(f"{name}: {said['stars']} stars, median {said['median_dex']:+.3f} dex, RMSE {said['rmse_dex']:.3f} dex, pulls {said['pull_sd']:.2f}")  # fmt: skip
    return folder.path


if __name__ == "__main__":
    sys.exit(RECIPE.main(run))
