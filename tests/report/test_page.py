import json
import re
import subprocess
import sys

import pytest

from luxjax.core import InputError
from luxjax.report import render
from luxjax.report._section import Section, Table
from luxjax.runs import RunFolder

from .pages import Page

ALL = [
    "Labels",
    "Uncertainties",
    "Predicted against true labels",
    "Predicted against observed labels",
    "Example spectra",
    "Fit",
    "Configuration",
    "Versions",
    "How to cite",
]


@pytest.mark.slow
def test_full_page_is_whole_and_self_contained(full_run, metrics):
    text = render(full_run.path).read_text()
    page = Page(text)
    assert page.open == []
    assert page.heads == ALL
    assert {link.lstrip("#") for link in page.links} == set(page.ids)
    assert len(page.images) == 9
    assert all(source.startswith("data:image/png;base64,") for source in page.images)
    assert all(page.alts)
    # Nothing is fetched: no address outside data URIs, no script.
    assert not re.search(r"(src|href)=\"(?!data:|#)|url\(|@import|<script", text)
    assert "A linear Lux with 18 latents predicts T<sub>eff</sub> to 54 K" in text
    assert "800 held-out stars, in 71 s." in text
    eu = next(row for row in page.rows if row[0] == "[Eu/Fe]")
    assert eu[1] == "800"
    assert eu[2].startswith("0.063 dex")
    assert eu[5] == f"{metrics['labels']['eu_fe']['rmse'] / 0.044:.2f}"
    assert page.marks.count("fail") == 2  # Eu against the truth, both levels
    assert page.marks.count("pass") == 6
    assert "The Cannon, a baseline" in text
    assert "n_latents = 18" in text
    names = sorted(p.name for p in full_run.figures.iterdir())
    assert len(names) == 18
    assert "one_to_one_true.pdf" in names
    assert "spectrum_apogee_1.png" in names


def test_bare_run_still_renders(tmp_path):
    run = RunFolder.create(tmp_path / "r", config={"name": "<b>mine & yours</b>"}, seed=1)
    text = render(run).read_text()
    assert Page(text).heads == ["Configuration", "Versions", "How to cite"]
    assert "&lt;b&gt;mine &amp; yours&lt;/b&gt;" in text
    assert "no metrics yet" in text
    assert "The Cannon" not in text


@pytest.mark.slow
def test_what_is_missing_is_left_out(tmp_path, labels):
    run = RunFolder.create(tmp_path / "r", config={}, seed=1)
    run.write_labels(labels[["id", "teff", "teff_err", "teff_obs", "teff_obs_err"]])
    run.write_metrics(
        {"labels": {"teff": {"n": 5, "rmse": 80.0}}, "fit": {"decoder": "linear", "objective": [1.0]}}
    )
    text = render(run).read_text()
    page = Page(text)
    assert page.heads == [h for h in ALL if h not in ("Predicted against true labels", "Example spectra")]
    assert ["Label", "Stars", "RMSE"] in page.rows  # columns without numbers are gone
    assert "against observed labels" in text
    assert (run.path / "report.html").name == render(run).name  # and again


def test_a_section_is_one_function(tmp_path, monkeypatch):
    import luxjax.report._page as page_module

    def verdicts(run):
        return Section("Verdicts", tables=(Table(["Label"], [["a<b"]]),))

    monkeypatch.setattr(page_module, "SECTIONS", {"verdicts": verdicts, "none": lambda run: None})
    run = RunFolder.create(tmp_path / "r", config={}, seed=1)
    text = render(run).read_text()
    assert Page(text).heads == ["Verdicts"]
    assert "a&lt;b" in text


def test_broken_metrics_are_told(tmp_path):
    run = RunFolder.create(tmp_path / "r", config={}, seed=1)
    (run.path / "metrics.json").write_text("nonsense")
    with pytest.raises(InputError, match="not valid JSON"):
        render(run)
    with pytest.raises(InputError, match="no run folder"):
        render(tmp_path / "none")


@pytest.mark.slow
def test_without_matplotlib_the_sentence_says_what_to_install():
    program = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("matplotlib", "jinja2", "markupsafe"):
            raise ModuleNotFoundError("no " + name, name=name)
sys.meta_path.insert(0, Blocker())
import json, luxjax.plots, luxjax.report
said = []
for package, name in ((luxjax.report, "render"), (luxjax.plots, "plot_pulls")):
    try:
        getattr(package, name)
    except ModuleNotFoundError as error:
        said.append(str(error))
print(json.dumps(said))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert len(said) == 2
    assert all("pip install luxjax[report]" in s for s in said)
