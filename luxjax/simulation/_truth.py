"""Truth of a simulated survey, and information bounds: how well its labels can be measured at best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core import InputError, check_name
from ..data import Spectra
from ..lines import ELEMENTS
from ..lines.internal import PARAMETERS
from ._plants import Impostor
from ._population import label_matrix
from .physics._spectrum import Synthesis

__all__ = ["Bound", "Truth"]


@dataclass(frozen=True, eq=False)
class Bound:
    """Smallest errors that any method could reach, (star, label) each.

    Parameters
    ----------
    labels : tuple of str
    cramer_rao : array
        Without prior knowledge, all other parameters unknown. Infinite where the spectrum says nothing.
    van_trees : array
        With the population's covariance as a Gaussian prior: the error of the best linear estimate in a small
        neighbourhood of the star. Smaller errors need a prior narrower than the whole population's.
    """

    labels: tuple[str, ...]
    cramer_rao: np.ndarray
    van_trees: np.ndarray


@dataclass(frozen=True, eq=False)
class Truth:
    """Truth of a simulated survey: what it was made from. Host arrays in float64.

    Parameters
    ----------
    params : (star, param) array
        In the order of `names`.
    labels : tuple of str
        Labels reported; their true values are `label_values`.
    ids, split : (star,) arrays
    syntheses : mapping of str to Synthesis
        By window.
    impostors : tuple of Impostor
    rv, tilt : (visit, star) arrays
        Velocity left in the spectra, km/s, and continuum error at either end of a detector.
    prior : (param, param) array
        Covariance of the population.

    Examples
    --------
    >>> from luxjax.simulation import simulate
    >>> truth = simulate(2, key=1, windows=("apogee",)).truth
    >>> truth.names[:3]
    ('teff', 'logg', 'fe_h')
    >>> truth.label_values.shape == (2, len(truth.labels))
    True
    """

    params: np.ndarray
    labels: tuple[str, ...]
    ids: np.ndarray
    split: np.ndarray
    syntheses: Mapping[str, Synthesis]
    impostors: tuple[Impostor, ...]
    rv: np.ndarray
    tilt: np.ndarray
    prior: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return PARAMETERS

    @property
    def label_matrix(self) -> np.ndarray:
        """Labels as linear functions of the parameters, (label, param)."""
        return label_matrix(self.labels)

    @property
    def label_values(self) -> np.ndarray:
        """True labels, (star, label)."""
        return self.params @ self.label_matrix.T

    def flux(self, window: str, stars=slice(None), *, visit: int = 0) -> np.ndarray:
        """Noise-free flux as observed, planted effects included, (star, pixel) float32."""
        synthesis = self._synthesis(window)
        rows = np.arange(len(self.params))[stars].reshape(-1)
        flux = np.array(synthesis.flux(self.params[rows].astype(np.float32), self.rv[visit, rows]))
        if np.any(self.tilt[visit, rows]):
            across = np.zeros(synthesis.window.n_pixels, np.float32)
            for start, stop in synthesis.window.segments:
                across[start:stop] = np.linspace(-1, 1, stop - start)
            flux *= 1 + self.tilt[visit, rows, None].astype(np.float32) * across
        for plant in self.impostors:
            if plant.window == window:
                values = self.params @ label_matrix([plant.label])[0]
                followed = (values - values.mean()) / max(values.std(), 1e-12)
                affected = (self.split[rows] == plant.where) | (plant.where == "all")
                flux[:, list(plant.pixels)] -= (plant.strength * followed[rows] * affected)[:, None].astype(
                    np.float32
                )
        return flux

    def jacobian(self, window: str, stars=slice(None)) -> np.ndarray:
        """Exact derivative of the spectrum by each parameter, (star, pixel, param) float32.

        Of the physics alone: without impostors, continuum error or velocity.
        """
        rows = np.arange(len(self.params))[stars].reshape(-1)
        return self._synthesis(window).jacobian(self.params[rows].astype(np.float32))

    def line_response(self, window: str) -> dict[str, np.ndarray]:
        """Pixels touched by the lines of each element that has any in the window, (pixel,) bool each."""
        synthesis = self._synthesis(window)
        touched = {element: synthesis.touched(element) for element in ELEMENTS}
        return {element: pixels for element, pixels in touched.items() if pixels.any()}

    def bound(
        self, window: "str | Spectra", stars=slice(None), *, ivar=None, known: Sequence[str] = ()
    ) -> Bound:
        """Cramer-Rao and van Trees bounds on each label, all other parameters marginalised.

        Parameters
        ----------
        window : str or Spectra
            The observed spectra (their survey names the window, their inverse variances are used), or a window's
            name with `ivar`.
        stars : slice or index array
            Which stars; a few dozen say enough, each takes a Jacobian of a few megabytes.
        ivar : (star, pixel) array
            Inverse variances of all stars, where `window` is a name.
        known : sequence of str
            Labels taken as known, such as all but the one under study.
        """
        if isinstance(window, Spectra):
            name, weight = window.survey, window.ivar
        elif ivar is not None:
            name, weight = window, np.asarray(ivar)
        else:
            raise InputError(
                "the bound needs inverse variances; give the observed Spectra, or ivar with the window."
            )
        rows = np.arange(len(self.params))[stars].reshape(-1)
        fixed = label_matrix(known) if len(known) else np.zeros((0, len(PARAMETERS)))
        root = np.linalg.cholesky(self.prior)
        crlb, bayes = [], []
        for start in range(0, len(rows), 8):
            part = rows[start : start + 8]
            for j, w in zip(self.jacobian(name, part).astype(np.float64), weight[part], strict=True):
                information = j.T @ (w[:, None] * j)
                crlb.append(_cramer_rao(information, self.label_matrix, fixed))
                bayes.append(_van_trees(information, self.label_matrix, fixed, root))
        return Bound(self.labels, np.array(crlb), np.array(bayes))

    def _synthesis(self, window: str) -> Synthesis:
        check_name("window", window, self.syntheses, "Simulate the survey with it")
        return self.syntheses[window]


def _free(fixed: np.ndarray) -> np.ndarray:
    """Orthonormal directions of parameter space that leave the known labels unchanged, (param, free)."""
    if len(fixed) == 0:
        return np.eye(fixed.shape[1])
    return np.linalg.svd(fixed)[2][len(fixed) :].T


def _van_trees(information, labels, fixed, root) -> np.ndarray:
    """Posterior standard deviation of the labels, prior covariance root root', known labels fixed."""
    whitened = root.T @ information @ root
    free = _free(fixed @ root)
    inner = free.T @ whitened @ free + np.eye(free.shape[1])
    half = np.linalg.solve(np.linalg.cholesky(inner), free.T @ root.T @ labels.T)
    return np.sqrt((half**2).sum(0))


def _cramer_rao(information, labels, fixed) -> np.ndarray:
    """Standard deviation of the labels from the data alone; infinite where the data say nothing."""
    scale = np.sqrt(np.where(np.diag(information) > 0, np.diag(information), 1.0))
    scaled = information / np.outer(scale, scale)
    free = _free(fixed / scale)
    values, vectors = np.linalg.eigh(free.T @ scaled @ free)
    seen = values > 1e-10
    target = vectors.T @ free.T @ (labels / scale).T
    variance = (target[seen] ** 2 / values[seen, None]).sum(0)
    unseen = (target[~seen] ** 2).sum(0) > 1e-10 * (target**2).sum(0)
    return np.where(unseen, np.inf, np.sqrt(variance))
