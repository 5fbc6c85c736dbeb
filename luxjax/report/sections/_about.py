"""What a run was made with, and what its users should cite."""

from markupsafe import Markup

from ...runs import RunFolder
from .._section import Section, Table

__all__ = ["cite", "configuration", "versions"]

_LUX = (
    "Lux, the model: Horta, Price-Whelan, Hogg, Ness and Casey (2025), Lux: A Generative, Multioutput, Latent-variable "
    "Model for Astronomical Data with Noisy Labels, AJ 169, 314, arXiv:2502.01745."
)
_CANNON = (
    "The Cannon, a baseline of this run: Ness, Hogg, Rix, Ho and Zasowski (2015), The Cannon: A Data-driven Approach to "
    "Stellar Label Determination, ApJ 808, 16."
)
_LAMOST = (
    "LAMOST, its spectra and their classes: Luo et al. (2015), The First Data Release (DR1) of the LAMOST Regular Survey, "
    "RAA 15, 1095."
)
_CLASSES = (
    "The classifier: scikit-learn {version} (Pedregosa et al. 2011, JMLR 12, 2825); calibration by temperature, Guo, Pleiss, Sun and "
    "Weinberger (2017, ICML); sets of classes, Sadinle, Lei and Wasserman (2019, JASA 114, 223)."
)
_SOFTWARE = (
    "luxjax {luxjax}: CITATION.cff of its repository. It is built on JAX {jax} (Bradbury et al. 2018), equinox {equinox} "
    "(Kidger and Garcia 2021, arXiv:2111.00254), NumPy {numpy} (Harris et al. 2020, Nature 585, 357), SciPy {scipy} "
    "(Virtanen et al. 2020, Nature Methods 17, 261) and Astropy {astropy} (Astropy Collaboration 2022, ApJ 935, 167)."
)
_SURVEYS = "Spectra and labels of a survey: cite its data release, as its collaboration asks."


def configuration(run: RunFolder) -> Section:
    """The configuration as it was resolved."""
    return Section(
        "Configuration", f"Random seed {run.seed}.", pre=(run.path / "config.toml").read_text("utf-8")
    )


def versions(run: RunFolder) -> Section:
    """Versions of the libraries."""
    return Section("Versions", tables=(Table(["", "Version"], [[k, v] for k, v in run.versions.items()]),))


def cite(run: RunFolder) -> Section:
    """What a user of the run should cite: the methods that it used."""
    text = Markup("").join(Markup("<p>{}</p>").format(r) for r in _references(run))
    return Section("How to cite", text)


def _references(run: RunFolder) -> list[str]:
    """References of the methods that the run used, the most particular first."""
    metrics = run.metrics if run.has("metrics") else {}
    used = {b for m in metrics.get("labels", {}).values() for b in (m.get("baselines") or {})}
    names = ["luxjax", "jax", "equinox", "numpy", "scipy", "astropy"]
    found = run.versions
    software = _SOFTWARE.format(**{n: found.get(n, "") for n in names}).replace("  ", " ")
    if metrics.get("classes"):
        classes = _CLASSES.format(version=found.get("scikit-learn", "")).replace("  ", " ")
        return [_LAMOST, classes, software, _SURVEYS]
    return [_LUX, *([_CANNON] if "cannon" in used else []), software, _SURVEYS]
