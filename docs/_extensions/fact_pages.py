"""Pages of facts that the library and its claims hold: quality presets, windows, layouts, archives, indices; results of claims."""

import json
from pathlib import Path

from sphinx.application import Sphinx

from luxjax.indices import builtin_indices
from luxjax.lines import LineList
from luxjax.simulation.physics._windows import _WINDOWS
from luxjax.surveys import FORMATS, presets
from luxjax.surveys.archives._archive import _releases
from luxjax.surveys.catalogs._quality import flag_bits

PRESETS = """# Presets

What the library knows by name. Written from the library itself.
"""
CLAIMS = """# Claims

A claim is a program in `validation/` that can fail, with thresholds fixed before it was run. One that fails is kept and shown. Written from the
results in `validation/results/`; `validation/README.md` says how to run them.
"""
FLAGS = {
    "apogee-dr17": ("STARFLAG", "ASPCAPFLAG", "EXTRATARG", "PARAMFLAG"),
    "galah-dr3": ("flag_sp", "flag_fe_h", "flag_x_fe"),
    "galah-dr4": ("flag_sp", "flag_x_fe"),
}


# Words of claims that were renamed after the claim was run; the results themselves stay as they are.
RENAMED = {"undecided": "inconclusive", "own-line": "element-line"}


def in_words_of_today(statement: str) -> str:
    for old, new in RENAMED.items():
        statement = statement.replace(old, new)
    return statement


def cell(value) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())


def table(head: list[str], rows: list[list]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(map(cell, row)) + " |" for row in rows), ""]


def edges(band) -> str:
    return "-".join(f"{edge:.1f}" for edge in band) if band else ""


def quality() -> list[str]:
    lines = [
        "## Quality cuts",
        "",
        "`luxjax ingest --cuts NAME`, `luxjax.surveys.apply_cuts`. A star that fails keeps its spectrum and counts as unlabelled.",
        "",
    ]
    for preset in presets().values():
        lines += [f"### {preset.name}", "", preset.about, ""]
        rows = [[f"`{cut}`", "star"] for cut in preset.cuts] + [
            [f"`{cut}`", "label"] for cut in preset.label_cuts
        ]
        lines += table(["must hold", "of the"], rows)
        if preset.unflagged_labels:
            lines += [
                f"Label cuts do not apply to {', '.join(preset.unflagged_labels)}, for which the survey has no flag.",
                "",
            ]
        lines += [f"Source: {preset.source}", ""]
    return lines


def bits() -> list[str]:
    rows = []
    for release, columns in FLAGS.items():
        for column in columns:
            named = ", ".join(f"{bit} {name}" for name, bit in flag_bits(release, column).items())
            rows.append([release, f"`{column.replace('_x_', '_*_')}`", named])
    return [
        "## Flag bits",
        "",
        "As the surveys document them; `luxjax.surveys.flag_names` decodes a value.",
        "",
        *table(["release", "column", "bits"], rows),
    ]


def windows() -> list[str]:
    rows = []
    for make in _WINDOWS.values():
        w = make()
        parts = ", ".join(f"{w.wavelength[a]:.0f}-{w.wavelength[b - 1]:.0f}" for a, b in w.segments)
        rows.append([w.name, w.n_pixels, w.medium, f"{w.resolution:,.0f}", parts])
    head = ["survey", "pixels", "medium", "resolving power", "good segments (Angstrom)"]
    about = "Grids of simulated spectra, which are those of the surveys, and the resolving powers that line windows assume."
    return ["## Instruments and wavelength windows", "", about, "", *table(head, rows)]


def layouts() -> list[str]:
    rows = [[f"`{layout.name}`", layout.about] for layout in FORMATS]
    about = "Recognised by content: `luxjax.surveys.detect_format`, `luxjax.read`, `luxjax ingest`."
    return ["## Layouts of files that are read", "", about, "", *table(["name", "holds"], rows)]


def archives() -> list[str]:
    rows = [[name, f"<{entry['root']}>", ", ".join(entry["files"])] for name, entry in _releases().items()]
    return [
        "## Archives",
        "",
        "Where `luxjax download` fetches from.",
        "",
        *table(["release", "address", "files"], rows),
    ]


def indices() -> list[str]:
    rows = [
        [f"`{i.name}`", i.unit, i.medium, edges(i.band or i.blue), i.source]
        for i in builtin_indices(shapes=False)
    ]
    about = "`luxjax.indices.builtin_indices`: definitions with their sources. Depth, width and asymmetry of the lines among them come on top."
    return [
        "## Spectral indices",
        "",
        about,
        "",
        *table(["name", "unit", "medium", "band (Angstrom)", "source"], rows),
    ]


def elements() -> list[str]:
    lines = LineList.builtin()
    text = f"`luxjax.lines.LineList.builtin` has {len(lines):,} lines of {len(set(lines.element))} elements. "
    return ["## Lines", "", text + "`luxjax explain --lines` takes others: VALD, MOOG or CSV.", ""]


def claim(file: Path, figures: Path) -> list[str]:
    result = json.loads(file.read_text(encoding="utf-8"))
    rows = [
        [f"`{name}`", f"`{asked}`", result["measured"][name]] for name, asked in result["threshold"].items()
    ]
    lines = [
        f"## {file.stem}",
        "",
        in_words_of_today(" ".join(result["statement"].split())),
        "",
        f"**{'Holds' if result['passed'] else 'Fails'}.**",
        "",
    ]
    lines += table(["number", "asked for", "measured"], rows)
    if (figures / f"{file.stem}.png").exists():
        lines += [f"![Figure of the claim {file.stem}](../../validation/figures/{file.stem}.png)", ""]
    return lines


def pages(root: Path) -> dict[str, str]:
    validation = root / "validation"
    facts = [PRESETS, *quality(), *bits(), *windows(), *layouts(), *archives(), *elements(), *indices()]
    results = sorted((validation / "results").glob("*.json"))
    claims = [CLAIMS, *(line for file in results for line in claim(file, validation / "figures"))]
    return {"presets": "\n".join(facts), "claims": "\n".join(claims)}


def write(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "reference"
    for name, text in pages(Path(app.srcdir).parent).items():
        file = folder / f"{name}.md"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
