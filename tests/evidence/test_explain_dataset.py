"""What every star of a dataset owes its labels to, against the functions in memory and dense formulas."""

import functools
import shutil

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.data import Catalog, LabelTable, Spectra
from luxjax.dataset import Dataset
from luxjax.dataset._location import Location
from luxjax.evidence import _explain_dataset, explain_dataset, open_explained
from luxjax.evidence._held_out import infer_held_out
from luxjax.evidence._label_lines import element_lines
from luxjax.evidence.lines_of_evidence._element_lines import line_depth
from luxjax.fitted import FittedModel, OutputInfo
from luxjax.interpret.attribution import flux_jacobian, label_jacobian, mean_label_jacobian, window_shapley
from luxjax.lines import LineList
from luxjax.models import Linear, Lux

N, P, Q, D, NAMES = 150, 30, 12, 3, ("teff", "eu_fe", "mg_fe")
LINES = LineList(
    ["Eu", "Eu", "Mg", "Mg"], ["II", "II", "I", "I"], [16000.8, 16003.6, 16003.9, 17001.1], "vacuum",
    [0.2, 0.2, 5.0, 5.0], [0.6, 0.5, 0.5, 0.5], [""] * 4,
)  # fmt: skip
ASKED = {"lines": LINES, "resolution": 22_500.0, "block": 64, "part": 64}


@pytest.fixture(scope="module")
def catalog():
    """Two spectra of each star; star 7 has no good pixel in the lines, no star pixel 20."""
    rng = np.random.default_rng(8)
    z = rng.normal(size=(N, D))
    ids, outputs = [f"s{n}" for n in range(N)], {}
    for name, size, first in (("red", P, 16000.0), ("blue", Q, 17000.0)):
        flux = 1 + 0.05 * z @ rng.normal(size=(D, size)) + rng.normal(0, 0.02, (N, size))
        ivar = np.where(rng.uniform(size=flux.shape) < 0.1, 0, rng.uniform(1000, 4000, flux.shape))
        ivar[7, :25], ivar[:, 20 if name == "red" else []] = 0, 0
        grid = first + 0.2 * np.arange(size)
        outputs[name] = Spectra(flux.astype("f4"), ivar.astype("f4"), grid, "vacuum", ids)
    species = {"eu_fe": "Eu", "mg_fe": "Mg"}
    outputs["labels"] = LabelTable(
        z * [300, 0.1, 0.1] + [4600, 0, 0], 0.03, NAMES, ids, {"teff": "K"}, species
    )
    return Catalog(outputs)


@pytest.fixture(scope="module")
def fitted(catalog) -> FittedModel:
    rng = np.random.default_rng(9)
    model = Lux(
        {
            k: Linear(jnp.ones(n), jnp.asarray(0.1 * rng.normal(size=(n, D))))
            for k, n in catalog.sizes.items()
        },
        {k: jnp.full(n, 0.01) for k, n in catalog.sizes.items()},
    )
    return FittedModel(model, {}, {name: OutputInfo.of(output) for name, output in catalog.outputs.items()})


@pytest.fixture(scope="module")
def dataset(catalog, tmp_path_factory):
    made = Dataset.create(tmp_path_factory.mktemp("stars") / "d", catalog.outputs, chunk=16, shard=32)
    made.append(catalog)
    return made


@pytest.fixture(scope="module", autouse=True)
def windows():
    """The element lines that were found, by label: their strengths, which take a second, are worked out once."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(lambda _: element_lines(*found[0]))
        found: list = []

        def kept(*given):
            found.append(given)
            return once(None)

        patch.setattr(_explain_dataset, "element_lines", kept)
        yield lambda: once(None)


@pytest.fixture(scope="module")
def stars(fitted, catalog):
    return infer_held_out(fitted, catalog, ["red", "blue"])


@pytest.fixture(scope="module")
def explained(fitted, dataset, tmp_path_factory, windows):
    return explain_dataset(fitted, dataset, tmp_path_factory.mktemp("explained") / "out", **ASKED)


def test_own_and_rest_are_the_shapley_values_of_the_two(fitted, catalog, stars, explained):
    found, pixels = explained.table(), explained.pixels()
    assert len(explained) == len(found) == N
    assert found["id"].tolist() == catalog.ids.tolist()
    assert list(explained.facts["element_lines"]) == ["eu_fe", "mg_fe"]
    assert not {"teff_own", "teff_depth"} & set(found)
    for j, name in enumerate(NAMES):
        np.testing.assert_allclose(found[name], stars.predicted[:, j], rtol=1e-5, atol=1e-6)
        if name == "teff":
            continue
        mask = pixels[f"{name}_own"].to_numpy()
        assert 3 < mask.sum() < 40
        values = window_shapley(fitted, catalog, {"own": mask}, inputs=["red", "blue"]).values[:, :, j]
        np.testing.assert_allclose(found[f"{name}_own"], values[:, 0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found[f"{name}_rest"], values[:, 1], rtol=1e-4, atol=1e-6)
        total = explained.facts["mean_star"][name] + found[f"{name}_own"] + found[f"{name}_rest"]
        np.testing.assert_allclose(total, found[name], rtol=1e-12)


def test_lines_hidden_and_their_depth(stars, explained, windows):
    found, pixels = explained.table(), explained.pixels()
    rows, x = stars.pixel_rows, stars.flux - 1.0
    for name in ("eu_fe", "mg_fe"):
        own, profile = windows()[name].pixels, windows()[name].profile
        assert pixels[f"{name}_own"].tolist() == own.tolist()
        held = stars.without(own)
        np.testing.assert_allclose(
            found[f"{name}_without"], held.masked[:, stars.column(name)], rtol=1e-4, atol=1e-6
        )
        depth = line_depth(held.flux, held.ivar, held.model, profile[own])
        np.testing.assert_allclose(found[f"{name}_depth"], depth, rtol=1e-3, atol=1e-3)
        assert np.isnan(found[f"{name}_depth"][7]) == (name == "eu_fe")
        for n in (0, 77, 149):
            # The depth is linear in the flux, whose covariance under the model is WW' + noise.
            w = stars.weight[n].astype(float)
            rest = w * ~own
            back = np.linalg.solve(np.eye(D) + (rows.T * rest) @ rows, rows.T * rest)  # flux to latents
            weigh = w * profile
            filter_ = (weigh @ rows @ back - weigh) / (w @ profile**2)
            assert found[f"{name}_depth"][n] == pytest.approx(filter_ @ x[n], rel=1e-3, abs=1e-3)
            noise = np.where(w > 0, 1 / np.where(w > 0, w, 1), 0)
            variance = filter_ @ (rows @ (rows.T @ filter_)) + filter_**2 @ noise
            assert found[f"{name}_depth_err"][n] == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_means_over_all_stars(fitted, catalog, explained):
    pixels = explained.pixels()
    assert pixels["output"].tolist() == ["red"] * P + ["blue"] * Q
    np.testing.assert_array_equal(pixels["wavelength"][:P], catalog["red"].wavelength)
    good = np.concatenate([(catalog[k].ivar > 0).mean(axis=0) for k in ("red", "blue")])
    np.testing.assert_allclose(pixels["good"], good)
    asked = {"inputs": ["red", "blue"]}
    red, blue = (pixels[pixels["output"] == output] for output in ("red", "blue"))
    means = mean_label_jacobian(fitted, catalog, spectra="red", **asked)
    for name, mean in zip(NAMES, means, strict=True):
        np.testing.assert_allclose(red[f"{name}_slope"], mean, atol=1e-5 * np.abs(mean).max())
        each = label_jacobian(fitted, catalog, name, spectra="blue", **asked).value
        level = 1e-5 * np.abs(each).max()
        np.testing.assert_allclose(blue[f"{name}_slope"], each.mean(axis=0), atol=level)
        np.testing.assert_allclose(blue[f"{name}_slope_abs"], np.abs(each).mean(axis=0), atol=level)
        np.testing.assert_array_equal(red[f"{name}_flux"], flux_jacobian(fitted, name, spectra="red").value)


def test_killed_at_any_write_and_resumed_to_the_same_bytes(fitted, dataset, explained, tmp_path, monkeypatch):
    """Writes: the manifest, the pixels, then a part, the sums and the manifest three times."""
    write, whole = Location.write, explained.results.location.address

    class Killed(BaseException):
        pass

    for at in (1, 3, 4, 8):
        left = iter(range(at, -1, -1))

        def dies(self, name, content, left=left):
            if next(left) == 0:
                raise Killed
            write(self, name, content)

        out = tmp_path / f"out{at}"
        with monkeypatch.context() as patch:
            patch.setattr(Location, "write", dies)
            with pytest.raises(Killed):
                explain_dataset(fitted, dataset, out, **ASKED)
        again = explain_dataset(fitted, dataset, out, **ASKED)
        pd.testing.assert_frame_equal(again.pixels(), explained.pixels(), check_exact=True)
        files = [{p.name: p.read_bytes() for p in folder.iterdir()} for folder in (out, type(out)(whole))]
        assert files[0] == files[1]
    assert set(files[0]) == {
        "_luxjax.json", "_pixels.parquet", "_sums-000003.parquet", *(f"part-00000{k}.parquet" for k in range(3))
    }  # fmt: skip


def test_read_by_anyone_and_refused_where_it_does_not_fit(fitted, dataset, explained):
    out = explained.results.location.address
    pd.testing.assert_frame_equal(pd.read_parquet(out), explained.table(), check_dtype=False)
    some = open_explained(out).table(np.array([140, 2]))
    assert some["id"].tolist() == ["s140", "s2"]
    for changes in (
        {"species": {"teff": "Mg"}},
        {"resolution": 20_000.0},
        {"lines": LINES.select([0, 1, 2])},
    ):
        with pytest.raises(InputError, match="explanations made with other settings"):
            explain_dataset(fitted, dataset, out, **(ASKED | changes))
    with pytest.raises(InputError, match="there is no label 'ba_fe'"):
        explain_dataset(fitted, dataset, out, species={"ba_fe": "Ba"}, **ASKED)
    quadratic = fitted.replace(model=Lux.quadratic(dataset.sizes, D))
    with pytest.raises(InputError, match="linear decoders"):
        explain_dataset(quadratic, dataset, out, **ASKED)


def test_results_of_the_version_before_are_read_in_todays_words(explained, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(explained.results.location.address, out)
    manifest = out / "_luxjax.json"
    assert manifest.read_text().count('"element_lines"') == 1
    manifest.write_text(manifest.read_text().replace('"element_lines"', '"own_lines"'))
    assert open_explained(out).facts == explained.facts
