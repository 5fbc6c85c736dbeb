"""The table of claims in validation/README.md, from validation/results/*.json.

python validation/make_table.py            write the table
python validation/make_table.py --check    exit status 1 if the table is stale
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BEGIN = "<!-- table: written by make_table.py, do not edit -->\n"
END = "<!-- end of table -->"
HEADER = (
    "| claim | statement | threshold | measured | passed | device | wall | commit |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def words(value) -> str:
    """A JSON value as the text of a table cell, numbers to four digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def row(file: Path) -> str:
    """The table row of one result: of what was measured, only what has a threshold; the rest is in the file."""
    r = json.loads(file.read_text(encoding="utf-8"))
    commit = str(r["commit"])
    cells = [
        f"[{file.stem}]({file.stem}.py)",
        words(r["statement"]),
        "<br>".join(f"{name} {words(condition)}" for name, condition in r["threshold"].items()),
        "<br>".join(words(r["measured"][name]) for name in r["threshold"]),
        "yes" if r["passed"] else "**no**",
        words(r["device"]),
        f"{float(r['wall_s']):.0f} s",
        commit[:10] + ("+" if commit.endswith("+") else ""),
    ]
    return "| " + " | ".join(cells) + " |\n"


def table(results: Path) -> str:
    """The Markdown table of the results in a folder, sorted by claim."""
    rows = [row(file) for file in sorted(results.glob("*.json"))]
    return HEADER + "".join(rows) if rows else "No claim has been run yet.\n"


def updated(readme: str, results: Path) -> str:
    """The README with its table replaced by that of the results."""
    before, mark, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"README.md must hold the lines '{BEGIN.strip()}' and '{END}'; put them back.")
    return before + BEGIN + "\n" + table(results) + "\n" + END + after


def main(arguments: list[str] | None = None, here: Path = HERE) -> int:
    parser = argparse.ArgumentParser(description="The table of claims, from their results.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit status 1 if the table is stale"
    )
    check = parser.parse_args(arguments).check
    readme = here / "README.md"
    old = readme.read_text(encoding="utf-8")
    new = updated(old, here / "results")
    if check and new != old:
        print("the table in validation/README.md is stale; run: python validation/make_table.py")
        return 1
    if not check:
        readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
