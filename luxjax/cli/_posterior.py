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
        str,
        typer.Option(
            "--method", "-m", help="Inference method: exact, laplace, variational or nuts (a sampler)."
        ),
    ] = "nuts",
    out: Out = Path("runs/infer"),
    catalog: Annotated[
        Path | None, typer.Option(help="Catalogue folder of the stars. Default: the run's catalogue.")
    ] = None,
    stars: Annotated[
        str, typer.Option(help="Identifiers of stars (comma-separated). Default: the stars of --split.")
    ] = "",
    split: Annotated[
        str,
        typer.Option(
            help="Part of the run's stars: train, calibration or test. Default: test; with --sample, train."
        ),
    ] = "",
    max_stars: Annotated[
        int | None,
        typer.Option(
            min=1, help="Maximum number of stars. Default: 12 for nuts, 50 for variational, 100 for others."
        ),
    ] = None,
    inputs: Annotated[str, typer.Option(help="Spectra to infer from (comma-separated). Default: all.")] = "",
    wavelength_range: Annotated[
        str,
        typer.Option(
            help="Wavelength range to keep, LOW,HIGH in Angstrom, such as 15200,15300. Default: all."
        ),
    ] = "",
    sample: Annotated[
        str,
        typer.Option(
            help="Parts of the model to infer together with the latents: decoders, scatter or decoders,scatter. Needs stars with labels. Default: none."
        ),
    ] = "",
    draws: Annotated[
        int | None,
        typer.Option(help="Number of draws: per chain for nuts, else from the approximation. Default: 1000."),
    ] = None,
    chains: Annotated[int | None, typer.Option(help="Number of chains; for nuts only. Default: 4.")] = None,
    warmup: Annotated[
        int | None,
        typer.Option(help="Number of transitions that adapt the sampler; for nuts only. Default: 500."),
    ] = None,
    target_accept: Annotated[
        float | None,
        typer.Option(
            help="Target acceptance probability, to be raised where there are divergences; for nuts only. Default: 0.8."
        ),
    ] = None,
    guide: Annotated[
        str | None,
        typer.Option(
            help="Family of the approximation: mean_field, low_rank or full_rank; for variational only. Default: full_rank."
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            help="Number of directions of the covariance; for laplace, and for variational with low_rank. Default: all for laplace, the square root of the dimension for low_rank."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Number of steps of the optimiser; for variational only. Default: 2000."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of all draws.")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Infer full posteriors of stars, check whether they can be believed, and write them with a page of figures."""
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
