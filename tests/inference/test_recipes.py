import pytest

from inference.recipes import Recipe
from luxjax.core import InputError


@pytest.fixture
def recipe(tmp_path) -> Recipe:
    (tmp_path / "answer.toml").write_text('out = "runs/answer"\nstars = 100\n[fit]\nlatents = 8\n')
    return Recipe(tmp_path / "answer.py", "Answers.", {"stars": 5})


def test_options_in_order(recipe, tmp_path):
    (tmp_path / "mine.toml").write_text("stars = 7\n")
    assert recipe.config()["stars"] == 100
    assert recipe.config(smoke=True)["stars"] == 5
    assert recipe.config(tmp_path / "mine.toml", smoke=True, out=tmp_path) == {
        "out": str(tmp_path),
        "stars": 7,
        "fit": {"latents": 8},
    }


def test_main_prints_where_results_are(recipe, tmp_path, capsys):
    asked = []

    def run(config, smoke):
        asked.append((config["stars"], smoke))
        return tmp_path / "results"

    assert recipe.main(run, ["--smoke"]) == 0
    assert recipe.main(run, []) == 0
    assert asked == [(5, True), (100, False)]
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "results")] * 2


def test_bad_input_is_one_sentence(recipe, tmp_path, capsys):
    (tmp_path / "bad.toml").write_text("star = 7\n")
    assert recipe.main(lambda config, smoke: tmp_path, ["--config", str(tmp_path / "bad.toml")]) == 2

    def run(config, smoke):
        raise InputError("no spectra.")

    assert recipe.main(run, []) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 2
    assert "Did you mean 'stars'" in err[0]
    assert err[1] == "answer: no spectra."


def test_other_errors_are_not_hidden(recipe):
    def run(config, smoke):
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        recipe.main(run, [])
