"""Alternating least squares in plain NumPy and double precision: what luxjax must end at, by other means.

python numpy_als.py FOLDER OUT --latents 21
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

CHUNK = 512


def ridges(design: np.ndarray, y: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """Rows a_j = (X' W_j X + I)^-1 X' W_j y_j for every row j of y and ivar."""
    n = design.shape[1]
    i, j = np.triu_indices(n)
    products, found = design[:, i] * design[:, j], np.empty((len(y), n))
    for start in range(0, len(y), CHUNK):
        w = ivar[start : start + CHUNK].astype(float)
        gram = np.empty((len(w), n, n))
        gram[:, i, j] = gram[:, j, i] = w @ products
        rhs = (w * y[start : start + CHUNK]) @ design
        found[start : start + CHUNK] = np.linalg.solve(gram + np.eye(n), rhs[:, :, None])[:, :, 0]
    return found


def balanced(z: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factors of the same product with Z'Z = A'A: those of least |Z|^2 + |A|^2."""
    (qz, rz), (qa, ra) = np.linalg.qr(z), np.linalg.qr(a)
    u, s, vt = np.linalg.svd(rz @ ra.T)
    return qz @ (u * np.sqrt(s)), qa @ (vt.T * np.sqrt(s))


def objective(y: np.ndarray, ivar: np.ndarray, z: np.ndarray, a: np.ndarray) -> float:
    """J = chi2 / 2 + (|Z|^2 + |A|^2) / 2."""
    chi2 = 0.0
    for start in range(0, len(y), CHUNK):
        rows = slice(start, start + CHUNK)
        chi2 += float(np.sum(ivar[rows] * (y[rows] - z[rows] @ a.T) ** 2, dtype=float))
    return 0.5 * (chi2 + np.sum(z**2) + np.sum(a**2))


def training(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values and inverse variances of labels and pixels, side by side, (star, label + pixel)."""
    y, error = (
        np.concatenate([np.load(folder / f"train_{name}{kind}.npy") for name in ("label", "flux")], axis=1)
        for kind in ("", "_err")
    )
    return y, error**-2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--latents", type=int, required=True)
    parser.add_argument("--tol", type=float, default=1e-10)
    asked = parser.parse_args()
    y, ivar = training(asked.folder)
    begun, trace = time.perf_counter(), []
    weight = np.sqrt(ivar.mean(axis=0))
    basis = np.random.default_rng(0).standard_normal((y.shape[1], asked.latents + 8))
    for _ in range(3):
        basis = np.linalg.qr(((y @ (weight[:, None] * basis)).T @ y).T * weight[:, None])[0]
    _, s, vt = np.linalg.svd(y @ (weight[:, None] * basis), full_matrices=False)
    a = (basis @ vt.T)[:, : asked.latents] * s[: asked.latents] / np.sqrt(len(y)) / weight[:, None]
    columns = np.ascontiguousarray(y.T), np.ascontiguousarray(ivar.T)
    while len(trace) < 2 or trace[-2][1] - trace[-1][1] > asked.tol * trace[-1][1]:
        z = ridges(a, y, ivar)
        a = ridges(z, *columns)
        z, a = balanced(z, a)
        trace.append((time.perf_counter() - begun, objective(y, ivar, z, a)))
    asked.out.write_text(json.dumps({"trace": trace, "objective": trace[-1][1]}))


if __name__ == "__main__":
    main()
