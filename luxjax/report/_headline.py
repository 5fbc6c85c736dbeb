"""The sentence at the top of the page."""

from markupsafe import Markup, escape

from ..plots.internal import label_html, number
from ..runs import RunFolder
from .sections._class_scores import class_headline
from .sections._labels import reference
from .sections._posterior_page import posterior_headline

__all__ = ["headline"]


def headline(run: RunFolder) -> str:
    """One sentence: what was run, on how many stars, and what came out."""
    if not run.has("metrics"):
        return "This run has no metrics yet."
    m = run.metrics
    labels = {k: v for k, v in m.get("labels", {}).items() if v.get("rmse") is not None}
    fit = m.get("fit", {})
    what = f"A {fit['decoder']} Lux" if fit.get("decoder") else "Lux"
    latents = f" with {fit['n_latents']} latents" if fit.get("n_latents") else ""
    stars = max((v.get("n") or 0 for v in labels.values()), default=0)
    said = [
        f"{label_html(k)} to {number(v['rmse'])} {escape(v.get('unit') or '')}".rstrip()
        for k, v in labels.items()
    ]
    numbers = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)
    time = f", in {_duration(m['wall_s'])}" if m.get("wall_s") else ""
    if not labels and (other := posterior_headline(run) or class_headline(run)):
        return other
    if not labels:
        return Markup(f"{escape(what)}{escape(latents)}{time}.")
    first = " ".join(str(escape(line)) for line in m.get("says", ()))
    return Markup(
        f"{first} {escape(what)}{escape(latents)} predicts {numbers} (RMSE against {reference(run)} labels) "
        f"for {stars:,} held-out stars{time}.".lstrip()
    )


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
