"""The documented routes of pollux 0.1.0 (github.com/adrn/pollux) on the arrays that luxjax gets.

It runs in an environment of its own:

    python3.12 -m venv POLLUX && POLLUX/bin/pip install pollux==0.1.0 xmmutablemap==0.2.0
    POLLUX/bin/python pollux_routes.py FOLDER OUT --route ROUTE --latents 21

FOLDER holds float32 arrays {train,test}_{flux,label}{,_err}.npy, centred and scaled by their training part, so that without
an intrinsic scatter every route minimises

    J = chi2_flux / 2 + chi2_label / 2 + (|Z|^2 + |A|^2) / 2.

ROUTE: adam (300 steps at a rate of 1e-2, float32) or closed_form (``optimize_iterative``, float64 as in its tutorials). The
latents of the test stars are inferred afterwards from their spectra, in as many cycles as the package takes by default and
in one. What is timed has run before, for one step or cycle, so that it is compiled.
"""

import argparse
import json
import resource
import time
import warnings
from pathlib import Path

import jax
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("out", type=Path)
parser.add_argument("--route", choices=["adam", "closed_form"], required=True)
parser.add_argument("--latents", type=int, required=True)
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--cycles", type=int, default=8)
asked = parser.parse_args()
jax.config.update("jax_enable_x64", asked.route == "closed_form")

import numpyro
import pollux as plx

warnings.filterwarnings("ignore", category=plx.models.iterative.PolluxLinearizationWarning)


def stars(part: str, *outputs: str) -> plx.data.PolluxData:
    dtype = np.float64 if asked.route == "closed_form" else np.float32

    def values(name: str) -> np.ndarray:
        return np.load(asked.folder / f"{part}_{name}.npy").astype(dtype, copy=False)

    return plx.data.PolluxData(
        **{name: plx.data.OutputData(values(name), err=values(f"{name}_err")) for name in outputs}
    ).preprocess()


def peak_gb() -> float:
    """Largest memory of this program; ru_maxrss would count what its parent held when it started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def timed(call):
    begun = time.perf_counter()
    found = jax.block_until_ready(call())
    return found, time.perf_counter() - begun


train, test = stars("train", "flux", "label"), stars("test", "flux")
sizes = {name: train[name].data.shape[1] for name in ("flux", "label")}
model = plx.Lux(
    latent_size=asked.latents,
    label_size=sizes["label"],
    flux_size=sizes["flux"],
    intrinsic_scatter=False,
)
key = jax.random.PRNGKey(0)


def fit(n: int):
    if asked.route == "adam":
        adam = numpyro.optim.Adam(1e-2)
        return model.optimize(train, num_steps=n, rng_key=key, optimizer=adam, progress=False)[0]
    return model.optimize_iterative(train, max_cycles=n, tol=1e-6, rng_key=key, progress=False).params


def infer(pars, **cycles):
    fixed = model.output_pars(pars)
    found = model.optimize_iterative(test, blocks=["latents"], fixed_pars=fixed, progress=False, **cycles)
    return found.params["latents"]


_, first_s = timed(lambda: fit(1))
_, second_s = timed(lambda: fit(1))
pars, fit_s = timed(lambda: fit(asked.steps if asked.route == "adam" else asked.cycles))
fit_peak = peak_gb()
infer(pars)
z, infer_s = timed(lambda: infer(pars))
infer(pars, max_cycles=1)
# The quicker of the two, so some times over.
one_s = float(np.median([timed(lambda: infer(pars, max_cycles=1))[1] for _ in range(5)]))
n = len(z)
np.savez(
    asked.out.with_suffix(".npz"),
    Z=pars["latents"],
    flux=pars["flux"]["data"]["A"],
    label=pars["label"]["data"]["A"],
    labels=model.predict_outputs(model.output_pars(pars), latents=z)["label"],
)
measured = {
    "first_step_s": first_s,
    "second_step_s": second_s,
    "fit_s": fit_s,
    "fit_peak_gb": fit_peak,
    "infer_stars_per_s": n / infer_s,
    "infer_one_cycle_stars_per_s": n / one_s,
    "peak_gb": peak_gb(),
    "versions": {
        "pollux": plx.__version__,
        "jax": jax.__version__,
        "numpyro": numpyro.__version__,
        "numpy": np.__version__,
    },
}
asked.out.write_text(json.dumps(measured))
