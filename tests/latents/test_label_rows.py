"""Covariances of label rows, whose training stars are placed by noisy spectra."""

import jax
import jax.numpy as jnp
import numpy as np

from luxjax.core import Batch, unpack
from luxjax.latents.internal import with_label_rows

from ..fitting.worlds import toy_survey

D = 2


def test_rows_fitted_to_new_draws_of_the_labels_scatter_as_stated():
    """Labels far more precise than the spectra place their stars; a third of one label is missing."""
    rng = np.random.default_rng(8)
    batch, model, _ = toy_survey(rng, 150, {"flux": 16, "labels": 2}, D, noise=1.5, missing=0.1)
    ivar = 1e3 * np.asarray(batch["labels"].ivar, float)
    ivar[::3, 0] = 0
    batch.outputs["labels"] = batch["labels"].__class__(batch["labels"].value, jnp.asarray(ivar))
    with jax.enable_x64(True):
        packed = with_label_rows(model, {"labels": jnp.zeros((2, 6))}, batch, 64)["labels"]
        stated = np.asarray(unpack(packed, D + 1))
    w, b = (np.asarray(x, float) for x in (model["flux"].weight, model["flux"].intercept))
    flux, weight = np.asarray(batch["flux"].value, float), np.asarray(batch["flux"].ivar, float)
    cov = np.linalg.inv(np.einsum("nj,ji,jk->nik", weight, w, w) + np.eye(D))
    mean = np.einsum("nik,jk,nj->ni", cov, w, weight * (flux - b))
    root = np.linalg.cholesky(cov)
    z = mean + np.einsum("nik,rnk->rni", root, rng.normal(size=(3000, 150, D)))
    phi = np.column_stack([np.ones(150), mean])
    for j in range(2):
        row, seen = np.asarray(model["labels"].weight[j], float), ivar[:, j] > 0
        noise = 1 / ivar[seen, j]
        y = z[:, seen] @ row + np.sqrt(noise) * rng.normal(size=(3000, seen.sum()))
        # Best linear unbiased rows: their true scatter, whatever formula one has for it.
        variance = np.einsum("i,nij,j->n", row, cov[seen], row) + noise
        design = phi[seen] / np.sqrt(variance)[:, None]
        rows = np.linalg.lstsq(design, (y / np.sqrt(variance)).T, rcond=None)[0]
        spread = np.sqrt(np.diag(np.cov(rows)))
        np.testing.assert_allclose(np.sqrt(np.diag(stated[j])), spread, rtol=0.05)
        np.testing.assert_allclose(stated[j] / np.outer(spread, spread), np.corrcoef(rows), atol=0.08)


def test_without_spectra_nothing_changes():
    batch, model, _ = toy_survey(np.random.default_rng(9), 30, {"flux": 4, "labels": 3}, D)
    batch = Batch(batch.outputs, batch.names)
    given = {"labels": jnp.ones((3, 6))}
    assert with_label_rows(model, given, batch, 64) is given
