"""Verdicts go with the labels, and labels that were guessed can be shrunk to what they were guessed from."""

import dataclasses

import numpy as np
import pytest

from luxjax.core import Gaussian, InputError
from luxjax.data import LabelTable
from luxjax.fitted import Calibration, Trend, Verdict, load, save
from luxjax.prediction import Prediction, calibrate, replace_shortcuts, transfer
from luxjax.stats import Interval

NAMES = ("a", "b", "c")
# c = 0.1 + 0.6 a - 0.3 b + 0.2 a b, with x = (a, b / 2) as variables.
TREND = Trend(("a", "b"), [0.0, 0.0], [1.0, 2.0], [0.1, 0.6, -0.6, 0.0, 0.4, 0.0], scatter=0.3)


def verdict(label="c", word="shortcut", trend=TREND, response=0.02) -> Verdict:
    others = tuple(n for n in NAMES if n != label)
    interval = Interval(-0.05, 0.09)
    return Verdict(label, word, ("said so",), others, response, interval, {"T": 0.4}, "1:abc", 500, trend)


def prediction(n=6, seed=1, spread=0.02, **changes) -> Prediction:
    rng = np.random.default_rng(seed)
    root = spread * rng.normal(size=(n, 3, 3))
    decoder, scatter = rng.uniform(1, 2, (2, n, 3)) * spread**2
    latent = root @ root.transpose(0, 2, 1)
    cov = latent + (decoder + scatter)[:, :, None] * np.eye(3)
    parts = {
        "latent": np.diagonal(latent, axis1=1, axis2=2),
        "decoder": decoder,
        "scatter": scatter,
    }
    given = {
        "ids": np.array([f"s{i}" for i in range(n)]),
        "names": NAMES,
        "value": rng.normal(size=(n, 3)),
        "cov": cov,
        "parts": parts,
        "latents": Gaussian(np.zeros((n, 2)), np.tile(np.eye(2), (n, 1, 1))),
        "chi2": np.ones(n),
        "latent_distance": np.ones(n),
        "n_inputs": np.full(n, 9),
        "units": {"a": "K"},
        "verdicts": {"c": verdict(), "a": verdict("a", "measured", None, 0.8)},
    }
    return Prediction(**(given | changes))


def test_frame_has_verdict_and_response_beside_the_error():
    frame = prediction().to_frame()
    columns = [
        "id",
        "a",
        "a_err",
        "a_verdict",
        "a_caveats",
        "a_response",
        "b",
        "b_err",
        "c",
        "c_err",
        "c_verdict",
        "c_caveats",
    ]
    assert list(frame)[: len(columns)] == columns
    assert set(frame["a_verdict"]) == {"measured"}
    assert set(frame["c_verdict"]) == {"shortcut"}
    assert set(frame["c_response"]) == {0.02}
    unknown = dataclasses.replace(verdict(), response=float("nan"), verdict="inconclusive")
    assert prediction(verdicts={"c": unknown}).to_frame()["c_response"].isna().all()
    assert not [c for c in prediction(verdicts={}).to_frame() if c.endswith(("_verdict", "_response"))]


def test_verdicts_survive_selection_and_gathering():
    whole = prediction()
    halves = [whole.select(slice(3)), whole.select(slice(3, None))]
    together = Prediction.gather(halves, whole.ids[::-1])
    assert together.verdicts == halves[0].verdicts == whole.verdicts
    shrunk = [replace_shortcuts(p) for p in halves]
    assert Prediction.gather(shrunk, whole.ids).shrunk == shrunk[0].select([0]).shrunk == ("c",)


def test_shrunk_covariance_by_monte_carlo():
    """The labels drawn from their own covariance, the label then drawn about the trend of the others."""
    plain = prediction()
    shrunk = replace_shortcuts(plain)
    rng = np.random.default_rng(5)
    for star in range(len(plain)):
        others = rng.multivariate_normal(plain.value[star, :2], plain.cov[star, :2, :2], 400_000)
        a, b = others.T
        c = 0.1 + 0.6 * a - 0.3 * b + 0.2 * a * b + 0.3 * rng.normal(size=len(a))
        expected = np.cov(np.column_stack([others, c]).T)
        size = np.sqrt(np.diag(expected))
        np.testing.assert_allclose(
            shrunk.cov[star] / np.outer(size, size), expected / np.outer(size, size), atol=0.01
        )
        np.testing.assert_allclose(shrunk.value[star, 2], c.mean(), atol=0.005)
    np.testing.assert_array_equal(shrunk.value[:, :2], plain.value[:, :2])
    np.testing.assert_array_equal(shrunk.cov[:, :2, :2], plain.cov[:, :2, :2])
    assert np.all(shrunk.error[:, 2] >= 0.3)


def test_parts_still_add_up_to_the_variance():
    shrunk = replace_shortcuts(prediction())
    np.testing.assert_allclose(sum(shrunk.parts.values()), shrunk.error**2, rtol=1e-12)
    assert all((part > 0).all() for part in shrunk.parts.values())
    assert list(shrunk.parts) == ["latent", "decoder", "scatter"]


def test_two_shortcuts_share_the_others_and_not_their_own_scatter():
    second = Trend(("a",), [0.0], [1.0], [0.0, 2.0, 0.0], scatter=0.5)
    plain = prediction()
    verdicts = {"c": verdict(), "b": verdict("b", trend=second)}
    shrunk = replace_shortcuts(dataclasses.replace(plain, verdicts=verdicts))
    g = TREND.gradient(plain.value[:, :2])
    np.testing.assert_allclose(shrunk.value[:, 1], 2 * plain.value[:, 0])
    np.testing.assert_allclose(shrunk.cov[:, 1, 1], 4 * plain.cov[:, 0, 0] + 0.25)
    # Both follow the labels as they were inferred, before either was replaced.
    np.testing.assert_allclose(shrunk.cov[:, 1, 2], 2 * np.einsum("nk,nk->n", g, plain.cov[:, 0, :2]))
    assert np.linalg.eigvalsh(shrunk.cov).min() > 0


def test_nothing_is_shrunk_without_a_shortcut():
    plain = prediction(verdicts={"c": verdict(word="inconclusive"), "a": verdict("a", "measured", None)})
    same = replace_shortcuts(plain)
    assert same.shrunk == ()
    np.testing.assert_array_equal(same.value, plain.value)
    np.testing.assert_allclose(same.cov, plain.cov)


def test_bad_shrinking_is_told():
    with pytest.raises(InputError, match="'c' has no trend of known scatter"):
        replace_shortcuts(prediction(verdicts={"c": verdict(trend=None)}))
    absent = Trend(("a", "z"), [0, 0], [1, 1], np.zeros(6), 0.1)
    with pytest.raises(InputError, match="'c' follows .*z.*which this prediction lacks"):
        replace_shortcuts(prediction(verdicts={"c": verdict(trend=absent)}))
    with pytest.raises(InputError, match="shrunk already"):
        replace_shortcuts(replace_shortcuts(prediction()))


def test_calibration_of_shrunk_labels_holds_for_shrunk_predictions_alone():
    """Labels whose scatter about the trend is twice the stated one: the calibrated error finds it."""
    plain = prediction(3000, seed=2)
    shrunk = replace_shortcuts(plain)
    rng = np.random.default_rng(3)
    truth = shrunk.value + np.einsum("nij,nj->ni", np.linalg.cholesky(shrunk.cov), rng.normal(size=(3000, 3)))
    truth[:, 2] = shrunk.value[:, 2] + 2 * (truth[:, 2] - shrunk.value[:, 2])
    observed = LabelTable(truth, np.full(truth.shape, 0.01), NAMES, plain.ids)
    calibration = calibrate(shrunk, observed)
    np.testing.assert_allclose(calibration.apply(shrunk).error[:, 2] / shrunk.error[:, 2], 2, atol=0.1)
    again = Calibration.from_dict(calibration.to_dict())
    assert again.shrunk == ("c",)
    np.testing.assert_array_equal(again.apply(shrunk).cov, calibration.apply(shrunk).cov)
    with pytest.raises(InputError, match="learned with c shrunk.*has none"):
        again.apply(plain)
    with pytest.raises(InputError, match="learned with no label shrunk.*has c"):
        calibrate(plain, observed).apply(shrunk)


def test_verdicts_travel_with_the_model_to_its_predictions(stars, fitted, tmp_path):
    names = fitted.info("labels").names
    trend = Trend(names[:2], [0.1, 0.2], [1.0, 2.0], np.arange(6) / 10, 0.25)
    judged = fitted.with_verdicts({names[2]: dataclasses.replace(verdict(trend=trend), label=names[2])})
    assert fitted.verdicts == {}
    again = load(save(judged, tmp_path / "model"))
    assert again.verdicts[names[2]].to_dict() == judged.verdicts[names[2]].to_dict()
    stars = stars.only("flux", "blue")
    plain, shrunk = transfer(again, stars), transfer(again, stars, replace_shortcuts=True)
    assert plain.verdicts[names[2]].verdict == "shortcut"
    assert shrunk.shrunk == (names[2],)
    np.testing.assert_allclose(shrunk.value[:, 2], trend(plain.value[:, :2]))
    g = trend.gradient(plain.value[:, :2])
    variance = 0.25**2 + np.einsum("ni,nij,nj->n", g, plain.cov[:, :2, :2], g)
    np.testing.assert_allclose(shrunk.error[:, 2] ** 2, variance)
    np.testing.assert_array_equal(transfer(fitted, stars).value, plain.value)


def test_verdicts_about_other_labels_are_refused(fitted):
    with pytest.raises(InputError, match="label with a verdict"):
        fitted.with_verdicts({"eu": verdict("eu")})
    name = fitted.info("labels").names[0]
    with pytest.raises(InputError, match="is about 'c'"):
        fitted.with_verdicts({name: verdict("c")})
