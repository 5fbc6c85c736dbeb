"""Supporting evidence on what the latents hold, one line of evidence after the other."""

from types import SimpleNamespace

import numpy as np
import pytest

from luxjax.data import Catalog, LabelTable
from luxjax.evidence import Evidence
from luxjax.evidence.lines_of_evidence._disentanglement import LatentDisentanglement
from luxjax.evidence.lines_of_evidence._latent_sample import latent_sample
from luxjax.evidence.lines_of_evidence._probe import LatentProbe
from luxjax.evidence.lines_of_evidence._shapley import WindowShapley
from luxjax.interpret.attribution import shapley_spread
from luxjax.interpret.representation import Draws, amnesic_probe, canonical_gauge, mig, probe, star_latents

from ..bilinear_model import exact, world


def supporting_evidence(fitted, catalog, **options) -> dict[str, list[Evidence]]:
    sample = latent_sample(fitted, catalog, **options)
    lines = (LatentProbe(), WindowShapley(), LatentDisentanglement())
    return {
        n: [line.measure(SimpleNamespace(label=n, sample=sample)) for line in lines] for n in sample.names
    }


@pytest.fixture(scope="module")
def made():
    return world(n_stars=300)


@pytest.fixture(scope="module")
def found(made):
    return supporting_evidence(exact(made), made.catalog, others={"label_1": ["label_2"]}, seed=3)


def test_every_label_has_its_three_kinds(found):
    assert list(found) == ["label_1", "label_2", "label_3"]
    for kinds in found.values():
        assert [e.name for e in kinds] == ["probe", "shapley", "disentanglement"]
        assert all(
            isinstance(e, Evidence) and np.isfinite(e.value) and e.statement.endswith(".") for e in kinds
        )
        for e in kinds:
            assert e.interval is not None
            assert len(e.null) > 0
            assert e.interval.lower <= e.value <= e.interval.upper + 0.05


def test_numbers_are_those_of_the_estimators(made, found):
    model, table = exact(made), made.catalog.labels()
    z = star_latents(model, made.catalog).mean
    labels = {n: table[n] for n in table.names}
    read, spread, gap = found["label_1"]
    assert read.value == pytest.approx(probe(z, labels["label_1"], seed=3).r2)
    left = amnesic_probe(z, labels, others={"label_1": ["label_2"]}, seed=3)
    assert read.arrays["r2"][1] == pytest.approx(left.without_others[0])
    assert spread.value == pytest.approx(shapley_spread(model, made.catalog, 40, seed=3).value[0])
    canonical = z @ canonical_gauge(model, made.catalog).T
    assert gap.value == pytest.approx(mig(canonical, labels, draws=Draws(1, 1, 1), seed=3)["label_1"])
    assert gap.arrays["rotations"].shape == (60, 3)
    assert f"{gap.value:.3f} in the canonical gauge" in gap.statement


def test_a_rare_label_says_why_and_leaves_the_others_alone(made):
    table = made.catalog.labels()
    value = table.value.copy()
    value[50:, 0] = np.nan
    rare = LabelTable(value, table.error, table.names, table.ids, survey="rare")
    found = supporting_evidence(exact(made), Catalog({**made.catalog.outputs, "labels": rare}))
    read, spread, gap = found["label_1"]
    assert np.isnan([read.value, gap.value]).all()
    assert read.statement == "Fewer than 60 of these stars have the label."
    assert np.isfinite(spread.value)  # needs no labels
    assert np.isfinite([e.value for e in found["label_2"]]).all()


def test_one_label_alone_has_nothing_to_be_erased_or_compared_with(made):
    table = made.catalog.labels().only("label_2")
    read, _, gap = supporting_evidence(exact(made), Catalog({**made.catalog.outputs, "labels": table}))[
        "label_2"
    ]
    assert np.isfinite(read.value)
    assert "erased" not in read.statement
    assert "at least 2; given 1" in gap.statement


def test_at_most_two_thousand_stars_are_looked_at(made, monkeypatch):
    monkeypatch.setattr("luxjax.evidence.lines_of_evidence._latent_sample.MOST_STARS", 60)

    found = supporting_evidence(exact(made), made.catalog)
    assert len(found["label_2"][0].arrays["predicted"]) == 60
