import numpy as np
import pytest

from luxjax.core import InputError
from luxjax.fitting import EM
from luxjax.models import Lux
from luxjax.prediction import Prediction, select_model, transfer
from luxjax.simulation import bilinear


@pytest.fixture(scope="module")
def wide():
    return bilinear(240, {"flux": 60, "labels": 3}, 3, key=5, snr=30.0, label_error=0.1)


@pytest.mark.long
def test_the_number_of_latents_that_made_the_world_is_preferred(wide):
    sizes = wide.catalog.sizes
    candidates = {str(d): (Lux.linear(sizes, d), EM(tol=1e-4)) for d in (1, 3)}
    seen = []
    choice = select_model(
        wide.catalog, candidates, inputs=["flux"], key=0, n_folds=3, progress=lambda *told: seen.append(told)
    )
    assert choice.best == "3"
    assert seen == [(f"folds of {name}", k, 3) for name in ("1", "3") for k in (1, 2, 3)]
    gap = choice.table.loc["3", "score"] - choice.table.loc["1", "score"]
    assert gap > 3 * choice.table.loc["1", "error"] > 0
    assert choice.table.loc["3", "error"] == 0
    # Whole spectra tell even more clearly than labels do.
    assert choice.best_evidence == "3"
    gap = choice.table.loc["3", "evidence"] - choice.table.loc["1", "evidence"]
    assert gap > 10 * choice.table.loc["1", "evidence_error"] > 0
    # The score is the density of held-out labels: their spread bounds the error of the better model.
    spread = np.std(wide.catalog.labels().value, axis=0)
    assert np.all(choice.table.loc["3", ["rmse_label_1", "rmse_label_2", "rmse_label_3"]] < spread)


@pytest.mark.slow
def test_evidence_is_compared_only_between_models_of_the_same_outputs(world):
    sizes = world.catalog.sizes
    candidates = {
        "both": (Lux.linear(sizes, 2), EM(tol=1e-3)),
        "labels": (Lux.linear({"labels": 3}, 2), EM(tol=1e-3)),
    }
    choice = select_model(world.catalog, candidates, inputs=["labels"], key=0, n_folds=2)
    assert choice.best_evidence is None
    assert "evidence" not in choice.table


def test_nothing_to_choose_from_is_said(world):
    with pytest.raises(InputError, match="at least one candidate"):
        select_model(world.catalog, {}, inputs=["flux"], key=0)
    with pytest.raises(InputError, match="no output 'fluks'"):
        select_model(
            world.catalog, {"a": (Lux.linear(world.catalog.sizes, 2), None)}, inputs=["fluks"], key=0
        )


def test_predictions_of_parts_are_gathered_in_the_order_asked_for(fitted, stars):
    whole = transfer(fitted, stars)
    odd, even = whole.select(slice(1, None, 2)), whole.select(slice(0, None, 2))
    together = Prediction.gather([odd, even], whole.ids)
    for name in ("value", "cov", "chi2", "latent_distance", "n_inputs"):
        assert np.array_equal(getattr(together, name), getattr(whole, name)), name
    assert np.array_equal(together.latents.mean, whole.latents.mean)
