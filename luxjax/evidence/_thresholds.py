"""The numbers that the rule compares with: read from one file, whose version and hash every verdict carries."""

import hashlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

__all__ = ["Thresholds"]

# The file calls element lines "own lines" and inconclusive "undecided". Its words stay as they were when the thresholds
# were fixed: its hash, which every verdict carries, says that no number has changed since.
OLDER = {"own_line_t": "element_line_t", "own_share": "element_share"}


class Measured(NamedTuple):
    """Measured: all must hold."""

    element_line_t: float
    own_response: float
    own_response_z: float
    element_share: float
    line_t_difference: float
    line_shape: float
    line_shape_sum: float


class MeasuredWithoutLines(NamedTuple):
    """Followed, for labels that have no species: all must hold."""

    response_z: float
    response_lower: float


class Proxy(NamedTuple):
    """Proxy: both must hold, and T and the element share lie below those of `Measured`."""

    response_z: float
    response: float


class Shortcut(NamedTuple):
    """Shortcut: all must hold, and T lies below that of `Measured`."""

    response_upper: float
    expected_t: float
    line_information: float
    variance_z: float


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of `decide`, as read from ``luxjax/evidence/thresholds.toml``.

    Attributes
    ----------
    version : int
    variance_floor : float
        Smallest off-trend variance that a response is computed with, in the label's unit squared.
    measured, measured_without_lines, proxy, shortcut : named tuples of float
    sha256 : str
        Hash of the file.

    Examples
    --------
    >>> from luxjax.evidence import Thresholds
    >>> thresholds = Thresholds.load()
    >>> thresholds.measured.own_response, thresholds.stamp == f"{thresholds.version}:{thresholds.sha256[:12]}"
    (0.15, True)
    """

    version: int
    variance_floor: float
    measured: Measured
    measured_without_lines: MeasuredWithoutLines
    proxy: Proxy
    shortcut: Shortcut
    sha256: str

    @classmethod
    def load(cls) -> "Thresholds":
        """The thresholds that luxjax ships with."""
        text = resources.files(__package__).joinpath("thresholds.toml").read_bytes()
        given = tomllib.loads(text.decode())
        return cls(
            int(given["version"]),
            float(given["variance_floor"]),
            Measured(**{OLDER.get(name, name): value for name, value in given["measured"].items()}),
            MeasuredWithoutLines(**given["measured_without_lines"]),
            Proxy(**given["proxy"]),
            Shortcut(**given["shortcut"]),
            hashlib.sha256(text).hexdigest(),
        )

    @property
    def stamp(self) -> str:
        """Version, a colon, and the first 12 digits of the hash: what a verdict carries."""
        return f"{self.version}:{self.sha256[:12]}"
