"""The command that infers full posteriors: ``luxjax infer``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._options import Out, Overwrite, names_in, range_in
from ._program import Steps, app

__all__ = ["infer"]


@app.command()
def infer(
    run: Annotated[
        Path, typer.Argument(help="Run folder that demo or fit wrote, or a model folder.", metavar="RUN")
    ],
    method: Annotated[
        str, typer.Option("--method", "-m", help="Method: exact, laplace, variational or nuts.")
    ] = "nuts",
    out: Out = Path("runs/infer"),
    catalog: Annotated[
        Path | None, typer.Option(help="Catalogue folder of the stars. Default: the run's catalogue.")
    ] = None,
    stars: Annotated[
        str, typer.Option(help="Identifiers of stars (comma-separated). Default: those of --split.")
    ] = "",
    split: Annotated[
        str,
        typer.Option(
            help="The run's train, calibration or test stars. Default: test, and train with --sample."
        ),
    ] = "",
    max_stars: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of stars. Default: 12 (nuts), 50 (variational) or 100."),
    ] = None,
    inputs: Annotated[str, typer.Option(help="Spectra to infer from (comma-separated). Default: all.")] = "",
    wavelength_range: Annotated[
        str, typer.Option(help="Wavelengths to keep, in Angstrom, such as 15200,15300. Default: all.")
    ] = "",
    sample: Annotated[
        str,
        typer.Option(
            help="Parts of the model to sample with the latents: decoders, scatter or decoders,scatter; needs stars with labels."
        ),
    ] = "",
    draws: Annotated[
        int | None, typer.Option(help="Number of draws: per chain (nuts), or from the approximation.")
    ] = None,
    chains: Annotated[int | None, typer.Option(help="nuts: number of chains.")] = None,
    warmup: Annotated[int | None, typer.Option(help="nuts: transitions that adapt the sampler.")] = None,
    target_accept: Annotated[
        float | None,
        typer.Option(help="nuts: target acceptance probability; raise it where there are divergences."),
    ] = None,
    guide: Annotated[str | None, typer.Option(help="variational: mean_field, low_rank or full_rank.")] = None,
    rank: Annotated[
        int | None, typer.Option(help="laplace, and variational with low_rank: number of directions.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="variational: steps of the optimiser.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of all draws.")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Infer full posteriors of stars, say whether they can be believed, and write them with a page of figures."""
    from ..report import render
    from ..runs import RunFolder
    from ..runs.internal import infer_stars, keep_window, stars_to_infer, write_posterior

    step = Steps()
    given: dict[str, Any] = {
        "draws": draws,
        "chains": chains,
        "warmup": warmup,
        "target_accept": target_accept,
    }
    given |= {"guide": guide, "rank": rank, "steps": steps}
    given = {name: value for name, value in given.items() if value is not None}
    how, sampled = _method(method, given), ("latents", *names_in(sample))
    RunFolder.check_free(out, overwrite=overwrite)
    with step("read model and stars"):
        fitted, found = stars_to_infer(
            run,
            catalog=catalog,
            split=split or ("train" if sample else ""),
            stars=names_in(stars),
            max_stars=max_stars or how.default_stars,
        )
        if wavelength_range:
            fitted, found = keep_window(fitted, found, range_in(wavelength_range))
    with step(f"infer {len(found)} stars by {method}") as told:
        posterior = infer_stars(
            fitted, found, how, seed=seed, sample=sampled, inputs=names_in(inputs), progress=told
        )
    config: dict[str, Any] = {"command": "infer", "run": str(run), "method": method, "sample": list(sampled)}
    config |= {"stars": len(found), **given}
    config |= {"catalog": str(catalog)} if catalog else {}
    config |= {"wavelength_range": wavelength_range} if wavelength_range else {}
    folder = RunFolder.create(out, config=config, seed=seed, overwrite=overwrite)
    with folder.filling(), step("diagnose it, write it and draw its page"):
        diagnosis = write_posterior(folder, posterior, found, seed=seed)
        page = render(folder)
    typer.echo(str(diagnosis))
    typer.echo(page)


def _method(name: str, given: dict[str, Any]):
    """The method object, from the options that it takes."""
    from ..core import InputError, check_name
    from ..posterior.internal import METHODS

    check_name("method", name, METHODS)
    for option in given:
        if option not in vars(METHODS[name]()):
            fits = [other for other, kind in METHODS.items() if option in vars(kind())]
            raise InputError(
                f"--{option.replace('_', '-')} is not for {name}, but for {' and '.join(fits)}; leave it out, or choose "
                "another --method."
            )
    return METHODS[name](**given)
