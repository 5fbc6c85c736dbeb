"""The latents of held-out stars, for supporting evidence on what they hold; shared by all labels of one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ...core import InputError
from ...data import Catalog
from ...fitted import FittedModel
from ...interpret.representation import star_latents

__all__ = ["FEW_STARS", "LatentSample", "latent_sample"]

MOST_STARS = 2000
FEWEST_STARS = 60  # with a label, for the label to be probed and scored
FEW_STARS = f"Fewer than {FEWEST_STARS} of these stars have the label."

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class LatentSample:
    """Stars, their latents and their labels.

    Attributes
    ----------
    fitted : FittedModel
    stars : Catalog
    inputs : sequence of str or None
        The outputs that latents are inferred from; None for all spectra that model and stars share.
    names : tuple of str
        Labels that model and stars share.
    labels, errors : mapping of str to (star,) array
        Values and errors of the labels that enough stars have.
    others : mapping of str to sequence of str, or None
        By label, the labels it is conditioned on; None for all others.
    latents : (star, latent) array
        Posterior means.
    seed : int
    """

    fitted: FittedModel
    stars: Catalog
    inputs: Sequence[str] | None
    names: tuple[str, ...]
    labels: Mapping[str, np.ndarray]
    errors: Mapping[str, np.ndarray]
    others: Mapping[str, Sequence[str]] | None
    latents: np.ndarray
    seed: int
    _found: dict[Callable, Any] = field(default_factory=dict, repr=False)

    def once(self, compute: "Callable[[LatentSample], T]") -> T | str:
        """``compute(self)``, or the sentence that says why there is none; computed once for all labels."""
        if compute not in self._found:
            try:
                self._found[compute] = compute(self)
            except InputError as problem:
                self._found[compute] = str(problem)
        return self._found[compute]


def latent_sample(
    fitted: FittedModel,
    catalog: Catalog,
    *,
    others: Mapping[str, Sequence[str]] | None = None,
    inputs: Sequence[str] | None = None,
    seed: int = 0,
) -> LatentSample:
    """Infer the latents of held-out stars.

    Parameters
    ----------
    fitted : FittedModel
    catalog : Catalog
        Held-out stars with spectra and labels; 2,000 of them are drawn where there are more.
    others : mapping of str to sequence of str, optional
        By label, the labels it is conditioned on. Default: all others. Labels that are guesses themselves belong to none.
    inputs : sequence of str, optional
        The outputs to infer from. Default: all spectra that model and catalogue share.
    seed : int
    """
    rng = np.random.default_rng(seed)
    stars = catalog.select(np.sort(rng.permutation(len(catalog))[:MOST_STARS]))
    output = fitted.label_output()
    table = stars.labels(output)
    names = tuple(n for n in fitted.info(output).names if n in table.names)
    labels = {n: table[n] for n in names if np.isfinite(table[n]).sum() >= FEWEST_STARS}
    errors = {n: table.error[:, table.names.index(n)] for n in labels}
    if others is not None:
        others = {n: [o for o in others.get(n, ()) if o in labels] for n in labels}
    latents = star_latents(fitted, stars, inputs=inputs).mean
    return LatentSample(fitted, stars, inputs, names, labels, errors, others, np.asarray(latents), seed)
