"""The verdict pages: what they say, that they stand alone, and figures of what was found."""

import dataclasses
import re

import numpy as np
import pytest

from luxjax.fitted import Caveat
from luxjax.plots.evidence import _latents as latents
from luxjax.plots.evidence import _pixels as pixels
from luxjax.plots.evidence import _stars as stars
from luxjax.plots.evidence._verdicts import LOOK, plot_responses
from luxjax.report import render
from luxjax.runs import RunFolder, write_explanations
from luxjax.runs.internal import page_name, read_explanations
from luxjax.stats import Interval

from .explanations import bare, explanation, verdict
from .pages import Page


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    made = RunFolder.create(tmp_path_factory.mktemp("pages") / "run", config={"name": "pages"}, seed=1)
    write_explanations(made, {e.label: e for e in (explanation("eu_fe", "shortcut", 0.02), bare())})
    render(made)
    return made


def test_the_page_of_a_label_says_all_that_was_found(run):
    text = (run.path / page_name("eu_fe")).read_text()
    page = Page(text)
    assert page.open == []
    assert page.heads == ["Why", "Evidence", "Figures", "Numbers of the rule"]
    assert {link.lstrip("#") for link in page.links} == {*page.ids, "report.html"}
    assert len(page.images) == 5
    assert all(page.alts)
    assert not re.search(r"(src)=\"(?!data:)|href=\"https?:|url\(|@import|<script", text)
    assert '<span class="shortcut">shortcut</span>' in text
    assert "T says &lt;so&gt;" in text  # reasons are escaped
    assert "Its lines &lt;deepen&gt;." in text
    assert "1:0123456789ab" in text
    assert "1,500 held-out stars" in text
    rows = {row[0]: row for row in page.rows}
    assert rows["Off-trend response"][1] == "0.020\N{MINUS SIGN}0.040 to 0.080"
    assert rows["Element-line residual T"][2].endswith("99 draws")
    assert rows["Information bound"][1] == "0.020 dex"
    assert rows["T"][1] == "9.0"
    assert rows["beta own"][1] == "\N{EN DASH}"
    titles = ["Off-trend response", "Element-line residual T", "Conditional gain", "Conditional saliency"]
    assert list(rows)[1:5] == titles


def test_a_label_of_which_little_is_known_still_has_its_page(run):
    text = (run.path / page_name("teff")).read_text()
    page = Page(text)
    assert page.heads == ["Why", "Evidence", "Numbers of the rule"]
    assert page.images == []
    assert "inconclusive" in text
    assert "too few stars" in text
    assert "no element lines" in text


def test_the_report_has_one_row_per_label_with_a_link(run):
    page = Page((run.path / "report.html").read_text())
    assert "Was it measured?" in page.heads
    assert {"explain_eu_fe.html", "explain_teff.html"} <= set(page.links)
    assert page.marks.count("shortcut") == page.marks.count("inconclusive") == 1
    row = next(r for r in page.rows if r[0] == "[Eu/Fe]")
    assert row[1:] == ["shortcut", "", "0.02\N{MINUS SIGN}0.04 to 0.08", "0.2", "0.060 dex", "1,500"]
    assert len(page.images) == 1


def test_a_new_run_leaves_no_old_pages(run, tmp_path):
    again = RunFolder.create(tmp_path / "r", config={}, seed=1)
    write_explanations(again, {"teff": bare()})
    render(again)
    RunFolder.create(again.path, config={}, seed=2, overwrite=True)
    assert read_explanations(again) == {}
    assert not list(again.path.glob("explain*"))
    assert "Was it measured?" not in Page(render(again).read_text()).heads


@pytest.mark.slow
def test_captions_tell_of_what_is_drawn_and_of_no_more(run, tmp_path):
    text = " ".join((run.path / page_name("eu_fe")).read_text().split())
    for said in ("Prediction against observed label", "Element lines: how much deeper", "hidden, more than for random windows",
                 "at its lines (dashed)", "put into the spectra", "Ticks mark", "depend on the choice of axes."):  # fmt: skip
        assert said in text
    whole = explanation("teff", "followed", 0.9)
    kept = {k: v for k, v in whole.evidence.items() if k in ("off_trend", "saliency", "injection")}
    seen = kept["saliency"]
    few = {k: v for k, v in seen.arrays.items() if not k.startswith("line_")}
    kept["saliency"] = dataclasses.replace(seen, arrays=few)
    other = RunFolder.create(tmp_path / "r", config={}, seed=1)
    write_explanations(other, {"teff": dataclasses.replace(whole, evidence=kept)})
    render(other)
    text = " ".join((other.path / page_name("teff")).read_text().split())
    assert "Prediction against observed label" in text
    assert "Experiments. The prediction should follow" in text
    for unsaid in ("Element lines: how much", "random", "Ticks mark", "differ at its lines", "Supporting"):
        assert unsaid not in text


@pytest.mark.slow
def test_sentences_end_once_and_caveats_are_words(tmp_path):
    made = RunFolder.create(tmp_path / "r", config={}, seed=1)
    judged = dataclasses.replace(
        verdict("teff", "followed", 0.9, tau=1136.0),
        reasons=("It follows.", "It has no lines."),
        caveats=(Caveat("hidden_variable", "Something else may do it."),),
    )
    write_explanations(made, {"teff": dataclasses.replace(explanation("teff"), verdict=judged, unit="K")})
    text = render(made).read_text()
    assert "followed. It follows. It has no lines. Something else may do it.</p>" in text
    assert ".;" not in text
    assert "hidden variable" in text
    assert "hidden_variable" not in text
    assert "1,100 K" in text  # not 1.1e+03


@pytest.mark.slow
def test_a_response_has_one_upper_limit_on_its_page(tmp_path):
    made = RunFolder.create(tmp_path / "r", config={}, seed=1)
    numbers = {
        "response": 0.5319,
        "response_lower": 0.4291,
        "response_interval_upper": 0.9051,
        "response_upper": 1.291,
        "n": 1492.0,
    }
    judged = dataclasses.replace(verdict("eu_fe", "proxy", 0.53), numbers=numbers)
    write_explanations(made, {"eu_fe": dataclasses.replace(explanation("eu_fe"), verdict=judged)})
    render(made)
    text = (made.path / page_name("eu_fe")).read_text()
    rows = {row[0]: row for row in Page(text).rows}
    assert rows["off-trend response: upper end of its 95% interval"][1] == "0.91"
    assert rows["stars"][1] == "1,492"
    assert "1.29" not in text
    assert "1.3" not in [row[1] for row in rows.values()]


def lines_of(ax) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in ax.lines]


def test_off_trend_figure_draws_the_response_between_guess_and_measurement():
    axes = stars.plot_off_trend(explanation(response=0.4)).axes
    assert len(axes) == 3
    slopes = [y[1] / x[1] for x, y in lines_of(axes[0]) if len(x) == 2]
    assert slopes == pytest.approx([0, 1, 0.4])
    assert "0.40 [0.34, 0.46]" in axes[0].texts[0].get_text()
    assert lines_of(axes[2])[0][0][0] == pytest.approx(4.8)  # T beside its null
    low, high = axes[2].get_xlim()
    assert low < -2 < 4.8 < high
    # The depth of the element lines rises with the label at the slope it was made with, but for the label's noise.
    (reach, fitted), *_ = [p for p in lines_of(axes[1]) if len(p[0]) == 2 and p[1][0] != 0]
    assert fitted[1] / reach[1] == pytest.approx(0.4 * 0.06**2 / (0.06**2 + 0.05**2), abs=0.04)


def test_saliency_and_line_figures():
    found = explanation()
    figure = pixels.plot_saliency(found)
    assert len(figure.axes) == 6  # three derivatives, two detectors
    arrays = found["saliency"].arrays
    for ax in figure.axes[:2]:
        assert ax.get_ylim()[0] < arrays["flux_by_label"].min()  # no line is cut off
    close = pixels.plot_zooms(found)
    assert [t.get_text().split()[:2] for ax in close.axes for t in ax.texts] == [
        ["Mg", "I"], ["Mg", "I"], ["Si", "I"], ["Ca", "I"],
    ]  # fmt: skip
    # The two magnesium lines that blend share a panel; the deepest model line stands at velocity zero.
    for ax in close.axes[:3]:
        x, y = lines_of(ax)[0]
        assert abs(x[np.argmin(y)]) < 5


def test_experiment_figure():
    ablation, twins, injection = stars.plot_tests(explanation(response=0.5)).axes
    heights = [bar.get_height() for bar in ablation.patches]
    assert max(heights) == pytest.approx(0.4)  # never seen: 0.5 - 0.2 * 0.5
    assert sum(h == pytest.approx(0.35) for h in heights) == 1
    assert len(heights) == 22
    assert lines_of(twins)[0][1].min() == pytest.approx(-0.005)
    measured = next(y for x, y in lines_of(injection) if len(x) == 5)
    np.testing.assert_allclose(measured, 0.5 * np.linspace(-0.3, 0.3, 5))


def test_supporting_figure():
    probe, shapley, scores = latents.plot_supporting(explanation()).axes
    assert [bar.get_height() for bar in probe.patches[:4]] == [0.97, 0.9, 0.98, 0.9]
    assert [t.get_text() for t in shapley.get_xticklabels()] == ["Mg", "Si", "Fe"]
    assert len(scores.patches) == 4


def test_figures_are_left_out_where_nothing_is_known():
    for draw in (
        stars.plot_off_trend,
        stars.plot_tests,
        pixels.plot_saliency,
        pixels.plot_zooms,
        latents.plot_supporting,
    ):
        assert draw(bare()) is None


def test_responses_of_all_verdicts_are_told_apart():
    found = [verdict(f"l{k}", word, 0.2 * k) for k, word in enumerate(LOOK)]
    unresolved = dataclasses.replace(
        found[0], response=float("nan"), response_interval=Interval(np.nan, np.nan)
    )
    ax = plot_responses([*found, unresolved]).axes[0]
    markers = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in markers] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert len({line.get_marker() for line in markers}) == len({line.get_color() for line in markers}) == 5
    assert [t.get_text() for t in ax.texts] == ["unresolved"]
