"""The command that infers full posteriors: ``luxjax infer``."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ._data import names_in

__all__ = ["register"]


def register(app: typer.Typer, steps: Callable[[], Any]) -> None:
    """Add the command to a program; `steps` makes an object that names stages while they run."""

    @app.command()
    def infer(
        run: Annotated[
            Path, typer.Argument(help="Run folder that demo or fit wrote, or a model folder.", metavar="RUN")
        ],
        method: Annotated[
            str, typer.Option("--method", "-m", help="exact, laplace, variational or nuts.")
        ] = "nuts",
        out: Annotated[Path, typer.Option("--out", "-o", help="Run folder of the posterior.")] = Path(
            "runs/infer"
        ),
        catalog: Annotated[
            Path | None, typer.Option(help="Catalogue folder of the stars; the run's own unless given.")
        ] = None,
        stars: Annotated[str, typer.Option(help="Ids of stars, comma-separated.")] = "",
        part: Annotated[
            str,
            typer.Option(help="Otherwise these of the run: train, calibration or test; test unless --free."),
        ] = "",
        limit: Annotated[
            int | None, typer.Option(min=1, help="At most so many; 12 for nuts, 50 or 100 for others.")
        ] = None,
        inputs: Annotated[
            str, typer.Option(help="Spectra to infer from, comma-separated; all unless given.")
        ] = "",
        window: Annotated[
            str, typer.Option(help="Wavelengths to keep, in Angstrom, such as 15200,15300.")
        ] = "",
        free: Annotated[
            str, typer.Option(help="Infer decoders, scatter or decoders,scatter too, from stars with labels.")
        ] = "",
        draws: Annotated[int | None, typer.Option(help="Draws: per chain, or from an approximation.")] = None,
        chains: Annotated[int | None, typer.Option(help="nuts: chains.")] = None,
        warmup: Annotated[int | None, typer.Option(help="nuts: transitions that adapt the sampler.")] = None,
        target_accept: Annotated[
            float | None,
            typer.Option(help="nuts: acceptance aimed at; raise it where there are divergences."),
        ] = None,
        guide: Annotated[
            str | None, typer.Option(help="variational: mean_field, low_rank or full_rank.")
        ] = None,
        rank: Annotated[
            int | None, typer.Option(help="laplace, and variational with low_rank: directions kept.")
        ] = None,
        adam_steps: Annotated[
            int | None, typer.Option("--steps", help="variational: steps of the fit.")
        ] = None,
        seed: Annotated[int, typer.Option(help="Of all draws.")] = 1,
        overwrite: Annotated[
            bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")
        ] = False,
    ) -> None:
        """Infer full posteriors of stars, say whether they can be believed, and write them with a page of figures."""
        from ..report import render
        from ..runs import RunFolder
        from ..runs.internal import infer_stars, keep_window, stars_to_infer, write_posterior

        step = steps()
        given = {
            "draws": draws,
            "chains": chains,
            "warmup": warmup,
            "target_accept": target_accept,
            "guide": guide,
            "rank": rank,
            "steps": adam_steps,
        }
        how = _method(method, {name: value for name, value in given.items() if value is not None})
        freed = ("latents", *names_in(free))
        RunFolder.check_free(out, overwrite=overwrite)
        with step("read model and stars"):
            fitted, found = stars_to_infer(
                run,
                catalog=catalog,
                part=part or ("train" if free else "test"),
                ids=names_in(stars),
                most=limit or how.default_stars,
            )
            if window:
                fitted, found = keep_window(fitted, found, _window(window))
        with step(f"infer {len(found)} stars by {method}") as told:
            posterior = infer_stars(
                fitted, found, how, seed=seed, free=freed, inputs=names_in(inputs), progress=told
            )
        config: dict[str, Any] = {"command": "infer", "run": str(run), "method": method, "free": list(freed)}
        config |= {"stars": len(found), **{k: v for k, v in given.items() if v is not None}}
        config |= {"catalog": str(catalog)} if catalog else {}
        config |= {"window": window} if window else {}
        folder = RunFolder.create(out, config=config, seed=seed, overwrite=overwrite)
        with step("diagnose it, write it and draw its page"):
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


def _window(text: str) -> tuple[float, float]:
    from ..core import InputError

    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise InputError(
            f"'{text}' is no window; give two wavelengths in Angstrom, such as 15200,15300."
        ) from None
    return low, high
