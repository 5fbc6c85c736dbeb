import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from luxjax.core import InputError
from luxjax.fitting import Gradient, fit
from luxjax.models import Lux
from luxjax.parallel import star_mesh
from luxjax.parallel.internal import local_stars, on_mesh

from . import devices_program as program

LOCAL = Path(__file__).parents[2] / "inference" / "cluster" / "local.sh"
FOUR = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}


def run(command, timeout, **environment):
    done = subprocess.run(
        [str(x) for x in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def on_four_devices(what, folder, *rest, timeout):
    run([sys.executable, program.__file__, what, folder / "four", *rest], timeout, **FOUR)
    return [np.load(folder / "four-0.npz")]


def in_two_processes(what, folder, *rest, timeout):
    run([LOCAL, "-n", 2, sys.executable, program.__file__, what, folder / "two", *rest], timeout)
    return [np.load(folder / f"two-{k}.npz") for k in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize(("shared", "shape"), [(on_four_devices, (1, 4)), (in_two_processes, (2, 2))])
def test_sums_over_all_stars_and_results_of_each(tmp_path, shared, shape):
    found = shared("sums", tmp_path, timeout=120)
    batch = program.stars()
    value = np.asarray(batch["spectra"].value)
    at = 0
    for one in found:
        assert (one["processes"], one["devices"]) == shape
        np.testing.assert_allclose(one["loss"], np.sum(value + 0.5), rtol=1e-12)
        np.testing.assert_allclose(one["gram"], (value + 0.5).T @ (value + 0.5), rtol=1e-12)
        assert one["own"][0] == at
        at = one["own"][1]
        np.testing.assert_allclose(one["each"], value[slice(*one["own"])].mean(axis=1) + 0.5)
        np.testing.assert_allclose(one["all"], value.mean(axis=1) + 0.5)
        np.testing.assert_array_equal(one["labels"], batch["labels"].value)
        np.testing.assert_array_equal(one["first"], [7.0, 7.0])
    assert at == program.N
    for name in ("loss", "gram"):  # to the last bit, so that all processes go on alike
        np.testing.assert_array_equal(found[-1][name], found[0][name])


@pytest.mark.long
@pytest.mark.parametrize("shared", [on_four_devices, in_two_processes])
def test_fits_are_those_of_one_device(tmp_path, shared):
    alone, found = program.fits(None), shared("fits", tmp_path, timeout=900)
    predicted = {k for k in alone if k.startswith("stars_")}
    for one in found:
        for name in alone.keys() - predicted:
            scale = max(np.max(np.abs(alone[name]), initial=0), 1e-12)
            np.testing.assert_allclose(one[name], alone[name], rtol=1e-5, atol=1e-7 * scale, err_msg=name)
    for name in predicted:
        np.testing.assert_allclose(np.concatenate([one[name] for one in found]), alone[name], rtol=1e-6)


@pytest.mark.long
def test_a_killed_fit_goes_on_with_other_devices_and_processes(tmp_path):
    """Begun on one device and killed; ended on four, and once more by two processes, the first of which has the file."""
    file = str(tmp_path / "em.npz")
    with pytest.raises(KeyboardInterrupt):
        program.resumed(None, file, stop=1)
    kept = Path(file).read_bytes()
    (four,) = on_four_devices("resumed", tmp_path, file, timeout=600)
    assert not Path(file).exists()
    Path(file).write_bytes(kept)
    found = [four, *in_two_processes("resumed", tmp_path, file, timeout=600)]
    assert not Path(file).exists()
    whole = program.resumed(None, None)
    assert whole["first"] == 0
    for one in found:
        assert one["first"] == 1
        np.testing.assert_allclose(one["objective"], whole["objective"], rtol=1e-9)


def test_stretches_cover_all_stars_and_blocks_are_alike():
    mesh = star_mesh(jax.devices()[:1])
    assert local_stars(17, mesh) == slice(0, 17)
    batch = on_mesh(program.stars(), mesh)
    assert batch.own == slice(0, program.N)
    assert len(next(batch.blocks(512))[1]) == 320
    assert len(next(batch.blocks(256))[1]) == 192  # two blocks of 150 rather than 256 and 45


def test_what_cannot_be_shared_says_so():
    batch, mesh = program.stars(), star_mesh()
    with pytest.raises(InputError, match=r"star_mesh\(\); given"):
        on_mesh(batch, Mesh(np.array(jax.devices()), ("other",)))
    with pytest.raises(InputError, match="fewer than the 1 devices"):
        on_mesh(batch.stars(slice(0)), mesh)
    with pytest.raises(InputError, match="Gradient runs on one device"):
        fit(Lux.linear(batch.sizes, 2), batch, Gradient(), key=1, mesh=mesh)
