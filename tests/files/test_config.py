import pytest

from luxjax.core import InputError
from luxjax.files import merge_config, read_config

DEFAULTS = {"seed": 1, "out": "runs", "fit": {"tol": 1e-6, "latents": 8, "scatter": True}, "names": ["teff"]}


def test_given_options_replace_defaults(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text('out = "here"\nnames = []\n[fit]\ntol = 1\nscatter = false\n')
    config = read_config(file, defaults=DEFAULTS)
    assert config == {
        "seed": 1,
        "out": "here",
        "fit": {"tol": 1, "latents": 8, "scatter": False},
        "names": [],
    }
    assert DEFAULTS["fit"]["tol"] == 1e-6  # the defaults are not changed
    assert read_config(defaults=DEFAULTS) == DEFAULTS
    assert read_config(file)["out"] == "here"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sede = 2", r"no option of '.*' named 'sede' .*Did you mean 'seed'"),
        ("[fit]\ntoll = 2", r"no option in \[fit\] .*named 'toll'.*Did you mean 'tol'"),
        ("seed = 1.5", "'seed' .* is 1.5; a whole number was expected, such as 1"),
        ("seed = true", "is True; a whole number was expected"),
        ("out = 3", "a text was expected, such as 'runs'"),
        ("fit = 3", "a table was expected"),
        ("[seed]\na = 1", "a whole number was expected"),
        ("seed = ", "not valid TOML"),
    ],
)
def test_bad_options(tmp_path, text, said):
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_config(file, defaults=DEFAULTS)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="no configuration"):
        read_config(tmp_path / "none.toml", defaults=DEFAULTS)


def test_merge_names_its_source():
    with pytest.raises(InputError, match="option of '--smoke' named 'x'"):
        merge_config(DEFAULTS, {"x": 1}, "--smoke")
