"""What a classifier sees of a star: a table of physical features of its spectrum, with errors, and nothing else.

Only what is measured in the flux at rest can become a feature: every column belongs to one of `FAMILIES`. Position, signal-to-noise
ratio, fibre, magnitude or redshift have no family, so they cannot enter, and a model cannot learn where a survey looked instead
of what the star is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...core import InputError, check_name
from ...core.internal import chosen_rows, doubles, identifiers, join_names
from ...data import Spectra
from ...indices import Index, choose_indices, measure_indices
from ._family_names import FAMILIES
from ._flux_at_rest import spectra_at_rest as flux_at_rest
from ._more import check_more, measure_more

__all__ = ["Features", "errors_of", "extract_features", "matrix_of", "usable_rows"]

FASTEST = 0.01  # redshift; beyond 3,000 km/s it is no star of the Galaxy, or no good redshift


@dataclass(frozen=True, eq=False, repr=False)
class Features:
    """Features of stars' spectra. Rows are spectra; columns are features.

    Parameters
    ----------
    values, errors : pandas.DataFrame
        The features and their one-sigma errors, same columns; NaN where a feature could not be measured.
    families : mapping of str to str
        Family of each column, one of `FAMILIES`.
    ids : (row,) array of str
        The stars; repeated where a star was observed more than once.
    rows : (row,) array of int
        Row of the spectra that each came from.
    left_out : pandas.DataFrame
        Columns ``row``, ``id`` and ``reason``: the spectra of which no features could be made.
    spectra : Spectra, optional
        The same rows at rest, which families of features are learned from when a classifier is trained.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from luxjax.classify.features import Features
    >>> values = pd.DataFrame({"H_beta": [2.1, 8.4], "Mg_b": [3.0, 0.4]})
    >>> families = {"H_beta": "balmer", "Mg_b": "magnesium"}
    >>> left_out = pd.DataFrame(columns=["row", "id", "reason"])
    >>> features = Features(values, values * 0.1, families, np.array(["a", "b"]), np.arange(2), left_out)
    >>> len(features)
    2
    """

    values: pd.DataFrame
    errors: pd.DataFrame
    families: Mapping[str, str]
    ids: np.ndarray
    rows: np.ndarray
    left_out: pd.DataFrame
    spectra: Spectra | None = None

    def __post_init__(self):
        object.__setattr__(self, "ids", identifiers("ids", self.ids))
        for name in self.values.columns:
            if name not in self.families:
                raise InputError(
                    f"'{name}' has no feature family, so it cannot be a feature: only what is measured in the flux at rest may "
                    f"enter. Families: {join_names(FAMILIES, 30)}."
                )
            check_name(f"family of feature '{name}'", self.families[name], FAMILIES)
        sizes = {len(part) for part in (self.values, self.errors, self.ids, self.rows)}
        if list(self.values.columns) != list(self.errors.columns) or len(sizes) > 1:
            raise InputError(
                "values, errors, ids and rows of features must describe the same rows and columns."
            )
        if self.spectra is not None and not np.array_equal(self.spectra.ids, self.ids):
            raise InputError(
                "the spectra at rest must be those of the features, row for row, with the same ids."
            )

    def __repr__(self) -> str:
        kinds = join_names(dict.fromkeys(self.families.values()), 4)
        return f"Features({len(self)} spectra x {len(self.names)} features: {kinds}; {len(self.left_out)} left out)"

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index) -> "Features":
        """The rows that `select` chooses."""
        return self.select(index)

    def __iter__(self) -> "Iterator[Features]":
        """One row after the other."""
        return (self.select(row) for row in range(len(self)))

    @property
    def names(self) -> list[str]:
        """The features, in the order of the columns."""
        return list(self.values.columns)

    def select(self, index) -> "Features":
        """The rows chosen by a number, slice, integer array, boolean mask or identifiers."""
        rows = chosen_rows(index, len(self), self.ids)
        return replace(
            self,
            values=self.values.iloc[rows].reset_index(drop=True),
            errors=self.errors.iloc[rows].reset_index(drop=True),
            ids=self.ids[rows],
            rows=self.rows[rows],
            spectra=None if self.spectra is None else self.spectra.select(rows),
        )

    def of(self, *families: str) -> "Features":
        """The features of these families only, without spectra, so that no others are learned from them."""
        for family in families:
            check_name("feature family", family, sorted(set(self.families.values())))
        return replace(self._columns([n for n in self.names if self.families[n] in families]), spectra=None)

    def without(self, *families: str) -> "Features":
        """The features of all other families, those included that are learned from spectra later."""
        for family in families:
            check_name("feature family", family, sorted(set(self.families.values())))
        return self._columns([n for n in self.names if self.families[n] not in families])

    def _columns(self, names: list[str]) -> "Features":
        families = {n: self.families[n] for n in names}
        return replace(self, values=self.values[names], errors=self.errors[names], families=families)

    def join(self, other: "Features") -> "Features":
        """The columns of both, for the spectra that both have (such as indices and PCA coefficients)."""
        if shared := sorted(set(self.names) & set(other.names)):
            raise InputError(
                f"both tables of features have {join_names(shared)}; leave these out of one of them."
            )
        _, mine, its = np.intersect1d(self.rows, other.rows, return_indices=True)
        if not np.array_equal(self.ids[mine], other.ids[its]):
            raise InputError(
                "the two tables of features name other stars in the same rows; make both from the same spectra."
            )
        first, second = self.select(mine), other.select(its)
        return replace(
            first,
            values=pd.concat([first.values, second.values], axis=1),
            errors=pd.concat([first.errors, second.errors], axis=1),
            families={**first.families, **second.families},
            left_out=pd.concat([self.left_out, other.left_out], ignore_index=True).drop_duplicates(
                ["row", "reason"]
            ),
        )


def matrix_of(features: Features, names: Sequence[str]) -> np.ndarray:
    """These columns as a model was trained with them, in their order, (row, feature); NaN where there is no finite number."""
    known = features.names
    for name in names:
        check_name("feature", name, known, "Extract the features that the model was trained with")
    x = doubles("features", features.values[list(names)])
    return np.where(np.isfinite(x), x, np.nan)


def errors_of(features: Features, names: Sequence[str]) -> np.ndarray:
    """Errors of the columns that `matrix_of` gives, (row, feature)."""
    return doubles("errors of features", features.errors[list(names)])


def extract_features(
    spectra: "Spectra | Sequence[Spectra]",
    indices: "Iterable[str | Index] | None" = None,
    *,
    redshift=None,
    min_good: float = 0.5,
    clean: Callable[[Spectra], Spectra] | None = None,
    more: Sequence[str] = (),
    spectra_at_rest: bool = True,
) -> Features:
    """Spectral indices of many spectra as a table of features.

    Parameters
    ----------
    spectra : Spectra, or sequence of Spectra
        Several where grids differ; their rows are then counted through.
    indices : sequence of str or Index, optional
        Names of built-in indices, or definitions. Default: all that are built in.
    redshift : (star,) array, optional
        Redshift of each star in the frame of the spectra. Default: column ``z`` of the spectra's table, and none for spectra at rest.
    min_good : float
        Least fraction of good pixels in a usable spectrum.
    clean : callable, optional
        Applied to the spectra first, such as `luxjax.preprocessing.reject_cosmic_rays`; after smoothing, pixels are correlated and the
        errors of features too small.
    more : sequence of str
        Further families: ``"ratios"`` (of line strengths, as spectral types are judged by eye) and ``"widths"`` (full widths at half depth
        of strong lines). Default: none.
    spectra_at_rest : bool
        Whether to keep the spectra at rest too, 11 kB each, from which `luxjax.classify.train_classifier` learns latents and principal
        components.

    Returns
    -------
    Features
        Spectra without a usable redshift, or with too few good pixels, are in its `left_out`, each with the reason.
    """
    parts = [spectra] if isinstance(spectra, Spectra) else list(spectra)
    if not parts:
        raise InputError("there are no spectra to make features of; give at least one.")
    check_more(more)
    chosen = choose_indices(indices)
    ends = np.cumsum([0, *(len(p) for p in parts)])
    shifts = None if redshift is None else np.broadcast_to(doubles("redshifts", redshift), (ends[-1],))
    rows, values, errors, left_out, rest = [], [], [], [], []
    for part, start, stop in zip(parts, ends[:-1], ends[1:], strict=True):
        good, z, out = usable_rows(part, None if shifts is None else shifts[start:stop], min_good)
        left_out.append(out.assign(row=out["row"] + start))
        part = part.select(good) if clean is None else clean(part.select(good))
        found = measure_indices(part, chosen, redshift=z)
        rows.append(start + good)
        extra = measure_more(part, more, z)
        values.append(np.concatenate([found[0], extra[0]], axis=1))
        errors.append(np.concatenate([found[1], extra[1]], axis=1))
        if spectra_at_rest:
            rest.append(flux_at_rest(part, z))
    families = {index.name: index.family or "other" for index in chosen} | check_more(more)
    names = list(families)
    kept = np.concatenate(rows)
    return Features(
        pd.DataFrame(np.concatenate(values), columns=names),
        pd.DataFrame(np.concatenate(errors), columns=names),
        families,
        np.concatenate([p.ids for p in parts])[kept],
        kept,
        pd.concat(left_out, ignore_index=True),
        Spectra.stack(rest) if spectra_at_rest else None,
    )


def usable_rows(
    spectra: Spectra, redshift=None, min_good: float = 0.5
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Rows of spectra that features can be made of, their redshifts, and the others with the reason."""
    z = _redshifts(
        spectra,
        None if redshift is None else np.broadcast_to(doubles("redshifts", redshift), (len(spectra),)),
    )
    reasons = _reasons(spectra, z, min_good)
    out = [(k, spectra.ids[k], r) for k, r in enumerate(reasons) if r]
    good = np.array([k for k, r in enumerate(reasons) if not r], dtype=int)
    return good, z[good], pd.DataFrame(out, columns=["row", "id", "reason"])


def _redshifts(spectra: Spectra, given: np.ndarray | None) -> np.ndarray:
    if spectra.frame == "rest":
        if given is not None and np.any(given != 0):
            raise InputError("the spectra are in the rest frame already; leave redshift out.")
        return np.zeros(len(spectra))
    if given is None:
        table = spectra.table if spectra.table is not None else pd.DataFrame()
        hint = f"Spectra in the {spectra.frame} frame need a redshift to be moved to rest: give redshift="
        check_name("column", "z", table.columns, hint)
        given = doubles("column 'z'", table["z"])
    return np.where(np.isin(given, (-9999.0, -999.0)), np.nan, given)


def _reasons(spectra: Spectra, z: np.ndarray, min_good: float) -> list[str]:
    """Why a spectrum cannot be used; empty where it can."""
    share = spectra.good.mean(axis=1)
    out = []
    for fraction, shift in zip(share, z, strict=True):
        if fraction == 0:
            out.append("every pixel is masked")
        elif fraction < min_good:
            out.append(f"only {fraction:.0%} of the pixels are good")
        elif not np.isfinite(shift):
            out.append("no redshift (missing or -9999), so it cannot be moved to rest")
        elif abs(shift) > FASTEST:
            out.append(f"redshift {shift:.4g} is beyond {FASTEST:g}: no star, or a wrong redshift")
        else:
            out.append("")
    return out
