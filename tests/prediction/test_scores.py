import numpy as np
import pytest
from scipy.stats import norm

from luxjax.core import Gaussian
from luxjax.data import LabelTable
from luxjax.prediction import Prediction, score
from luxjax.stats import robust_scatter

N = 400


@pytest.fixture(scope="module")
def case():
    """Predictions with known errors, observed labels of which some are missing and in another order, the truth."""
    rng = np.random.default_rng(8)
    ids = np.array([f"star-{k}" for k in range(N)])
    truth = rng.normal(size=(N, 2)) * [300, 0.4]
    sigma, noise = np.array([40, 0.05]), np.array([30, 0.1])
    value = truth + [10, 0] + sigma * rng.normal(size=(N, 2))
    seen = truth + noise * rng.normal(size=(N, 2))
    seen[:50, 1] = np.nan
    cov = np.broadcast_to(np.diag(sigma**2), (N, 2, 2))
    latents = Gaussian(np.zeros((N, 1)), np.ones((N, 1, 1)))
    prediction = Prediction(
        ids, ("teff", "fe_h"), value, cov, {}, latents, np.ones(N), np.ones(N), np.ones(N, int), {"teff": "K"}
    )
    table = LabelTable(seen[:, ::-1], noise[::-1], ("fe_h", "teff"), ids)
    return prediction, table, truth, seen, sigma, noise


def test_against_observed_labels(case):
    prediction, table, _, seen, sigma, noise = case
    scores = score(prediction, table, baselines={"mean": np.zeros((N, 2))})
    for j, name in enumerate(("teff", "fe_h")):
        entry, difference = scores[name], prediction.value[:, j] - seen[:, j]
        known = difference[np.isfinite(difference)]
        assert (entry["n"], entry["n_observed"], entry["against"]) == (len(known), len(known), "observed")
        assert entry["rmse"] == pytest.approx(np.sqrt(np.mean(known**2)))
        assert entry["bias"] == pytest.approx(known.mean())
        assert entry["robust"] == pytest.approx(robust_scatter(known))
        assert entry["spread"] == pytest.approx(np.nanstd(seen[:, j]))
        assert entry["median_error"] == pytest.approx(sigma[j])
        low, high = entry["rmse_interval"]
        assert low < entry["rmse"] < high
        assert high - low == pytest.approx(2 * 1.96 * entry["rmse"] / np.sqrt(2 * len(known)), rel=0.25)
        assert entry["baselines"]["mean"] == pytest.approx(np.sqrt(np.nanmean(seen[:, j] ** 2)))
        pull = known / np.hypot(sigma[j], noise[j])
        assert entry["pull_sd"] == pytest.approx(np.sqrt(np.mean(pull**2)))
        for level in (0.68, 0.95):
            inside = np.mean(np.abs(pull) < norm.ppf(0.5 + level / 2))
            assert entry[f"coverage{round(100 * level)}"] == pytest.approx(inside)
        assert not any("truth" in key or "band" in key or "bound" in key for key in entry)
    assert (scores["teff"]["unit"], scores["fe_h"]["unit"]) == ("K", "")


def test_against_the_truth(case):
    prediction, table, truth, _, sigma, _ = case
    bound = np.broadcast_to(0.8 * sigma, (N, 2))
    scores = score(prediction, table, truth=truth, bound=bound, n_calibration=np.array([200, 300]))
    for j, name in enumerate(("teff", "fe_h")):
        entry, difference = scores[name], prediction.value[:, j] - truth[:, j]
        assert (entry["n"], entry["against"]) == (N, "truth")
        assert entry["n_observed"] == (N, N - 50)[j]
        assert entry["rmse"] == pytest.approx(np.sqrt(np.mean(difference**2)))
        assert entry["bound_rmse"] == pytest.approx(0.8 * sigma[j])
        assert entry["pull_sd_truth"] == pytest.approx(np.sqrt(np.mean((difference / sigma[j]) ** 2)))
        inside = np.mean(np.abs(difference / sigma[j]) < norm.ppf(0.84))
        assert entry["coverage68_truth"] == pytest.approx(inside)
        assert entry["n_calibration"] == (200, 300)[j]
        for key in ("68", "95", "68_truth", "95_truth"):
            low, high = entry[f"band{key}"]
            assert low < int(key[:2]) / 100 < high
            assert low < entry[f"coverage{key}"] < high
    # Without truth, bands of the truth are not offered.
    plain = score(prediction, table, n_calibration=np.array([200, 300]))["teff"]
    assert {k for k in plain if k.startswith("band")} == {"band68", "band95"}
