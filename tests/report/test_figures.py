"""What the figures plot: data, counts, limits and words of their artists."""

import dataclasses

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from luxjax.core import InputError
from luxjax.plots import label_name, plot_history, plot_one_to_one, plot_pulls, plot_residuals, styled
from luxjax.plots._density import density, running
from luxjax.plots._spectra import segments
from luxjax.plots._style import axis_title, robust_limits
from luxjax.plots.internal import (
    coverage_cells,
    label_html,
    number,
    plot_accuracy,
    plot_coverage,
    plot_spectrum,
    save,
)
from luxjax.stats.internal import compare, has_reference, label_names

NAMES = ["teff", "logg", "fe_h", "alpha_fe", "eu_fe"]


def texts(ax) -> str:
    return "\n".join(t.get_text() for t in ax.texts)


def points(ax) -> np.ndarray:
    """Every star drawn as a point or caret, (star, 2)."""
    dots = [line.get_xydata() for line in ax.lines if line.get_marker() in ("o", "^", "v", "<", ">")]
    return np.concatenate(dots)


def test_label_names_in_print():
    assert label_name("teff") == r"$T_\mathrm{eff}$"
    assert label_name("alpha_fe") == r"$[\alpha/\mathrm{Fe}]$"
    assert label_name("eu_fe") == r"$[\mathrm{Eu}/\mathrm{Fe}]$"
    assert label_name("fe_h") == r"$[\mathrm{Fe}/\mathrm{H}]$"
    assert label_name("xx_fe") == "xx_fe"  # no such element
    assert label_html("mg_fe") == "[Mg/Fe]"
    assert label_html("a<b&c") == "a&lt;b&amp;c"
    assert axis_title("teff", {"teff": "K"}, "True") == r"True $T_\mathrm{eff}$ (K)"
    assert axis_title("age", {}) == "age"


def test_numbers_in_print():
    assert [number(v) for v in (54.3, 4.26, 0.211, 0.0553)] == ["54", "4.3", "0.21", "0.055"]
    assert number(-0.0001, signed=True, like=0.05) == "0.000"
    assert number(-0.012, signed=True, like=0.05) == "\N{MINUS SIGN}0.012"
    assert number(np.nan) == "-"


def test_compare_leaves_out_what_is_missing(labels):
    assert label_names(labels) == NAMES
    observed, true = compare(labels, "fe_h", "obs"), compare(labels, "fe_h", "true")
    assert true.n == len(labels)
    assert observed.n == labels["fe_h_obs"].notna().sum() < len(labels)
    row = labels.iloc[int(np.flatnonzero(labels["fe_h_obs"].notna())[5])]
    want = (row["fe_h"] - row["fe_h_obs"]) / np.sqrt(row["fe_h_err"] ** 2 + row["fe_h_obs_err"] ** 2)
    assert observed.pull[5] == pytest.approx(want)
    assert true.pull[5] == pytest.approx((labels["fe_h"] - labels["fe_h_true"])[5] / labels["fe_h_err"][5])
    assert has_reference(labels, "fe_h", "true")
    assert not has_reference(labels.drop(columns="fe_h_true"), "fe_h", "true")
    with pytest.raises(InputError, match="no predicted label 'feh'.*fe_h"):
        compare(labels, "feh", "true")


@pytest.mark.parametrize("n", [500, 5000])
def test_density_draws_every_star_once(n):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, n))
    ax = Figure().subplots()
    _, mesh, beyond = density(ax, x, y, (-2, 2), (-2, 2))
    counted = 0 if mesh is None else np.ma.filled(mesh.get_array(), 0)
    assert (mesh is None) == (n == 500)
    assert np.nansum(counted) + len(points(ax)) == n
    assert beyond == np.sum((np.abs(x) > 2) | (np.abs(y) > 2)) > 0
    # Points are where their stars are, and what is beyond is at the edge.
    inside = points(ax)[(np.abs(points(ax)) < 2).all(axis=1)]
    assert set(map(tuple, inside)) <= set(zip(x, y, strict=True))
    assert np.abs(points(ax)).max() == 2


def test_density_counts_lie_where_the_stars_do():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 1, 3000) ** 3, rng.uniform(0, 1, 3000)  # crowded at small x only
    ax = Figure().subplots()
    _, mesh, _ = density(ax, x, y, (0, 1), (0, 1), bins=10)
    counts = np.ma.filled(np.ma.masked_invalid(mesh.get_array()), 0).reshape(10, 10)
    want = np.histogram2d(y, x, bins=10, range=[(0, 1), (0, 1)])[0]
    np.testing.assert_array_equal(counts, np.where(want >= 5, want, 0))


def test_running_quantiles_against_direct_ones():
    x = np.arange(400.0)
    y = x**2
    centre, quantiles = running(x, y, least=20, most=16)
    assert len(centre) == 16
    first = y[:25]
    np.testing.assert_allclose(quantiles[:, 0], np.percentile(first, [16, 50, 84]), rtol=0.1)
    assert np.all(np.diff(quantiles[1]) > 0)
    assert running(x[:30], y[:30])[0].size == 0
    assert running(np.ones(100), np.arange(100.0))[0].size == 0


def test_robust_limits_hold_everything_but_far_outliers():
    x = np.linspace(0, 10, 1001)
    low, high = robust_limits(x)
    assert low < 0
    assert high > 10
    assert robust_limits(np.append(x, 1e6))[1] < 20


def test_one_to_one(labels, units):
    figure = plot_one_to_one(labels, NAMES, "true", units)
    assert len(figure.axes) == 5
    ax = figure.axes[4]
    np.testing.assert_allclose(points(ax), labels[["eu_fe_true", "eu_fe"]].to_numpy())
    assert ax.get_xlim() == ax.get_ylim()
    line = next(li for li in ax.lines if li.get_label() == "identity")
    np.testing.assert_array_equal(*line.get_data())
    rms = np.sqrt(np.mean((labels["eu_fe"] - labels["eu_fe_true"]) ** 2))
    assert f"RMSE {rms:.3f}" in texts(ax)
    assert "$N$ = 800" in texts(ax)
    assert ax.get_xlabel() == r"True $[\mathrm{Eu}/\mathrm{Fe}]$ (dex)"
    assert ax.get_ylabel().startswith("Predicted")


def test_residuals_are_predicted_minus_reference(labels, units):
    figure = plot_residuals(labels, NAMES[:2], "true", units)
    axes = np.array(figure.axes).reshape(2, 3)
    want = labels["teff"] - labels["teff_true"]
    drawn = points(axes[0, 0])
    np.testing.assert_allclose(np.sort(drawn[:, 1])[5:-5], np.sort(want)[5:-5])
    np.testing.assert_allclose(np.sort(points(axes[0, 1])[:, 0]), np.sort(labels["teff"]))
    np.testing.assert_allclose(np.sort(points(axes[0, 2])[:, 0]), np.sort(np.log10(labels["snr"])))
    assert axes[0, 0].get_ylabel().endswith("(K)")
    assert axes[1, 2].get_xlabel() == "S/N per pixel"
    assert len(plot_residuals(labels.drop(columns="snr"), ["teff"]).axes) == 2


def test_pulls(labels):
    figure = plot_pulls(labels, NAMES)
    ax = figure.axes[NAMES.index("eu_fe")]
    pull = compare(labels, "eu_fe", "true").pull
    assert rf"true: $\sigma$ = {stats.median_abs_deviation(pull, scale='normal'):.2f}" in texts(ax)
    # Two histograms and a Gaussian, each of area 1, whatever lies beyond the limits.
    filled, step = (p.get_xy() for p in ax.patches)
    for path in (filled, step):
        x, y = path[:, 0], path[:, 1]
        assert np.abs(np.sum(y[:-1] * np.diff(x))) == pytest.approx(1) or path is filled
    heights = step[1:81:2, 1]
    want = np.histogram(np.clip(pull, -5, 5), np.linspace(-5, 5, 41), density=True)[0]
    np.testing.assert_allclose(heights, want, rtol=1e-9)
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(y, np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))
    only = plot_pulls(labels.drop(columns=[c for c in labels if c.endswith("_true")]), ["teff"])
    assert len(only.axes[0].patches) == 1


def test_pulls_of_all_labels_share_one_scale(labels):
    """The unit Gaussian was drawn at three heights, with no numbers at two of the axes."""
    narrow = labels.copy()
    narrow["eu_fe_err"] *= 10
    axes = plot_pulls(narrow, NAMES).axes
    assert len({ax.get_ylim() for ax in axes}) == 1
    assert axes[0].get_ylim()[1] > max(ax.dataLim.y1 for ax in axes)
    assert [ax.get_title() for ax in axes] == [
        label_name(n) for n in NAMES
    ]  # above the panel, clear of the numbers


def test_history():
    value = [10.0, 4.0, 2.0, 2.5, 2.0 + 2e-7, 2.0]
    ax = plot_history(value, 1e-6).axes[0]
    assert ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [4.0, 1.0, np.nan, 0.25, 1e-7])
    up = plot_history([-10.0, -4.0, -5.0, -2.0]).axes[0]  # a log-likelihood that fell once
    np.testing.assert_allclose(up.lines[1].get_data(), [[2], [1.0]])
    with pytest.raises(InputError, match="at least two"):
        plot_history([1.0])


def test_coverage_cells_and_plot(metrics):
    cells = coverage_cells(metrics["labels"])
    assert len(cells) == 20
    eu = next(c for c in cells if (c.label, c.against, c.level) == ("eu_fe", "true", 0.68))
    assert eu.observed.n == 800
    assert eu.observed.fraction == pytest.approx(metrics["labels"]["eu_fe"]["coverage68_truth"])
    assert eu.passed is False
    assert all(c.passed for c in cells if c.label != "eu_fe")
    assert eu.interval.lower < eu.observed.fraction < eu.interval.upper
    figure = plot_coverage(cells)
    assert [ax.get_title() for ax in figure.axes] == ["68% intervals", "95% intervals"]
    drawn = [bar.get_x() for bar in figure.axes[0].patches if bar.get_width() > 0]
    assert sorted(drawn) == pytest.approx(sorted(c.band.lower for c in cells if c.level == 0.68))
    shown = {
        line.get_xdata()[0]
        for line in figure.axes[0].lines
        if line.get_marker() == "o" and len(line.get_xdata())
    }
    assert shown == {c.observed.fraction for c in cells if c.level == 0.68 and c.against == "true"}


def test_ticks_of_coverage_say_where_they_are():
    """Ticks at 82.5% and 87.5% were called 82% and 88%."""
    cells = coverage_cells({"teff": {"n": 92, "coverage68": 0.674, "coverage95": 0.924, "n_calibration": 73}})
    figure = plot_coverage(cells)
    figure.draw_without_rendering()
    for ax in figure.axes:
        low, high = ax.get_xlim()
        ticks = [
            (x, t.get_text())
            for x, t in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
            if low <= x <= high
        ]
        assert len(ticks) > 2
        for x, text in ticks:
            assert float(text.rstrip("%")) == pytest.approx(100 * x, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["2M00000000+0000000", "spectra apogee_cannon_471_stars_100_pixels-178", 80 * "w"]
)
def test_the_heading_of_a_spectrum_ends_before_the_legend(apogee, name):
    figure = plot_spectrum(apogee, 1, title=name)
    figure.draw_without_rendering()
    heading = next(t for t in figure.texts if "S/N" in t.get_text())
    assert heading.get_window_extent().x1 < figure.legends[0].get_window_extent().x0
    assert "per pixel" in heading.get_text()


def test_coverage_bands_of_the_run_come_first_and_too_few_stars_give_none():
    m = {"n": 100, "coverage68": 0.7, "coverage95": 0.99, "band68": [0.71, 0.8], "n_calibration": 10}
    first, second = coverage_cells({"teff": m})
    assert tuple(first.band) == (0.71, 0.8)
    assert first.passed is False
    assert second.band is None
    assert second.passed is None
    assert len(plot_coverage([first, second]).axes) == 2
    with pytest.raises(InputError, match="no coverage"):
        plot_coverage([])


def test_accuracy(metrics):
    ax = plot_accuracy(metrics["labels"]).axes[0]
    heights = {c.get_label(): [bar.get_height() for bar in c] for c in ax.containers}
    assert list(heights) == ["labels only", "The Cannon", "ridge on pixels", "Lux"]
    want = [m["rmse"] / m["spread"] for m in metrics["labels"].values()]
    assert heights["Lux"] == pytest.approx(want)
    bounds = [line.get_ydata()[0] for line in ax.lines[1::2]]
    assert bounds == pytest.approx([m["bound_rmse"] / m["spread"] for m in metrics["labels"].values()])
    assert "54 K" in ax.get_xticklabels()[0].get_text()
    bare = plot_accuracy({"teff": {"rmse": 50.0}, "logg": {"rmse": None}}).axes[0]
    assert [bar.get_height() for bar in bare.patches] == [1.0]
    with pytest.raises(InputError, match="no RMSE"):
        plot_accuracy({})


def test_segments_of_both_kinds(apogee, galah):
    assert [(s.start, s.stop) for s in segments(apogee.wavelength, apogee.ivar)] == [
        (322, 3242),
        (3648, 6048),
        (6412, 8306),
    ]
    arms = segments(galah.wavelength, galah.ivar)
    assert len(arms) == 4
    assert galah.wavelength[arms[1].start] == pytest.approx(5648)
    with pytest.raises(InputError, match="no good pixel"):
        segments(apogee.wavelength, np.zeros_like(apogee.ivar))


def test_spectrum(apogee):
    figure = plot_spectrum(apogee, 1)
    assert len(figure.axes) == 8  # three detectors and a zoom, each with residuals
    flux, residual = figure.axes[2], figure.axes[3]
    good = apogee.ivar[1, 3648:6048] > 0
    wave, drawn = flux.lines[0].get_data()
    np.testing.assert_array_equal(wave, apogee.wavelength[3648:6048])
    np.testing.assert_array_equal(np.isfinite(drawn), good)
    np.testing.assert_array_equal(drawn[good], apogee.flux[1, 3648:6048][good])
    np.testing.assert_array_equal(flux.lines[1].get_ydata(), apogee.model[1, 3648:6048])
    sigma = (apogee.flux - apogee.model)[1, 3648:6048] * np.sqrt(apogee.ivar[1, 3648:6048])
    np.testing.assert_allclose(residual.lines[0].get_ydata()[good], sigma[good])
    bad = sum(p.get_facecolor()[:3] == matplotlib.colors.to_rgb("#F2C9A8") for p in flux.patches)
    assert bad == np.sum(np.diff(np.concatenate([[0], ~good])) == 1)
    zoom = figure.axes[6]
    assert texts(zoom) == "Mg I"
    assert np.abs(zoom.lines[0].get_xdata() - 15745).max() < 15745 * 200 / 299792
    words = "".join(t.get_text() for t in figure.texts)
    assert "2M00000002" in words
    assert "vacuum" in words
    with pytest.raises(InputError, match="no example star 2"):
        plot_spectrum(apogee, 2)


def test_a_model_without_an_answer_draws_none(apogee):
    """Pixels that no training star had: a gap in the model, and no part in chi-square or the limits."""
    model = apogee.model.copy()
    model[1, 4000:4010] = np.nan
    figure = plot_spectrum(dataclasses.replace(apogee, model=model), 1)
    drawn = figure.axes[2].lines[1].get_ydata()
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(drawn)), np.arange(4000 - 3648, 4010 - 3648))
    assert "nan" not in " ".join(t.get_text() for t in figure.findobj(matplotlib.text.Text))
    assert np.isfinite(figure.axes[2].get_ylim()).all()


def test_style_leaves_the_users_settings_alone():
    before = dict(matplotlib.rcParams)

    @styled
    def family():
        return matplotlib.rcParams["font.family"]

    with matplotlib.rc_context({"font.size": 30}):
        assert family() == ["STIXGeneral"]
        assert matplotlib.rcParams["font.size"] == 30
    assert dict(matplotlib.rcParams) == before


def test_save_writes_png_and_pdf_twice_alike(tmp_path):
    frame = pd.DataFrame({"teff": [1.0, 2], "teff_err": [1.0, 1], "teff_true": [1.5, 2]})
    first = [f.read_bytes() for f in _saved(frame, tmp_path)]
    assert first[0][:4] == b"%PDF"
    assert first[1][:4] == b"\x89PNG"
    assert [f.read_bytes() for f in _saved(frame, tmp_path)] == first


def _saved(frame, folder):
    png = save(plot_one_to_one(frame, ["teff"]), folder, "a")
    return png.with_suffix(".pdf"), png
