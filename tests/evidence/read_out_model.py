"""A small survey whose labels are curved functions of the latents, and models that read them out in each way."""

import functools

import luxjax
from luxjax.data import Catalog, LabelTable
from luxjax.fitted import FittedModel
from luxjax.models import Lux
from luxjax.readout import read_out
from luxjax.simulation import bilinear

KINDS = ("linear", "quadratic", "gp")
SIZES, LATENTS = {"flux": 40, "labels": 3}, 3


@functools.cache
def curved_stars() -> Catalog:
    """Spectra linear in three latents, labels bent by a fifth of their square."""
    made = bilinear(260, SIZES, LATENTS, key=8, label_error=0.03, snr=400, scatter=0.001, bad_fraction=0.05)
    flat = made.catalog.labels()
    unit = (flat.value - flat.value.mean(0)) / flat.value.std(0)
    bent = LabelTable(unit + 0.2 * unit**2, flat.error / flat.value.std(0), flat.names, flat.ids)
    return Catalog({"flux": made.catalog.spectra("flux"), "labels": bent}, made.catalog.table)


@functools.cache
def read_model(kind: str) -> tuple[FittedModel, Catalog]:
    """A model of 200 of these stars, and the others."""
    stars = curved_stars()
    train, held = stars.select(slice(0, 200)), stars.select(slice(200, 260))
    spectra = luxjax.fit(Lux.linear({"flux": 40}, LATENTS), train.only("flux"), key=1)
    return read_out(spectra, train, kind), held
