"""One star, one value and one error of labels that are read out from the latents: however they are asked for."""

import numpy as np
import pandas as pd
import pytest

import luxjax
from luxjax.dataset import Dataset
from luxjax.fitted import save
from luxjax.posterior import Exact, SamplePosterior
from luxjax.prediction import calibrate, transfer, transfer_dataset
from luxjax.runs import RunFolder, infer_run, transfer_run

from ..evidence.read_out_model import KINDS, read_model
from .test_same_errors import assert_same

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=KINDS)
def known(request, tmp_path_factory):
    """The folder of a calibrated model, held-out stars, and what ``luxjax.transfer(luxjax.load(...))`` says of them."""
    fitted, stars = read_model(request.param)
    raw = transfer(fitted, stars, calibrated=False)
    fitted = fitted.with_calibration(calibrate(raw, stars.labels()))
    folder = save(fitted, tmp_path_factory.mktemp("errors") / "model")
    expected = luxjax.transfer(luxjax.load(folder), stars.only("flux"))
    assert expected.calibrated
    return folder, stars, expected


def test_commands_for_catalogues_and_datasets(known, tmp_path):
    folder, stars, expected = known
    assert_same(transfer_run(folder, stars)[0], expected, 1e-9)
    dataset = Dataset.create(tmp_path / "d", stars.outputs, chunk=16, shard=32)
    dataset.append(stars)
    found = transfer_dataset(luxjax.load(folder), dataset, tmp_path / "labels")
    assert_same(found.prediction().to_frame(), expected, 1e-4)


def test_posteriors(known, tmp_path):
    folder, stars, expected = known
    fitted = luxjax.load(folder)
    run = RunFolder.create(tmp_path / "infer", config={}, seed=4)
    posterior, _ = infer_run(run, fitted, stars.select(slice(0, 8)), Exact(), seed=4)
    assert_same(pd.read_csv(run.path / "labels.csv", dtype={"id": str}), expected, 1e-3)
    n = 20_000
    draws = posterior.label_draws(n, key=1)
    value, error = expected.value[:8], expected.error[:8]
    assert np.abs((draws.mean(0) - value) / error).max() < 5 / np.sqrt(n)
    np.testing.assert_allclose(draws.std(0), error, rtol=5 / np.sqrt(2 * n))
    # So have those of a posterior without closed forms.
    facts = {k: getattr(posterior, k) for k in ("fitted", "ids", "method", "settings", "priors", "batch")}
    sampled = SamplePosterior(**facts, draws=posterior.sample(n, key=2)[None])
    mean, spread = sampled.label_moments(sampled.label_draws(n, key=3))
    assert np.abs((mean - value) / error).max() < 6 / np.sqrt(n)
    np.testing.assert_allclose(spread, error, rtol=6 / np.sqrt(2 * n))
