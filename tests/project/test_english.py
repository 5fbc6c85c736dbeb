"""English that an astronomer reads once: the few patterns of bad prose that a program can see."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from ..cli.test_options import COMMANDS, called, options

ROOT = Path(__file__).resolve().parents[2]
WORDS = {
    "unless given": "say 'Default: ...'",
    "anew": "say 'again', or what is done again",
    "besides?": "say 'next to', 'with', 'compared with' or 'in addition to'",
    "as (?:they|it) comes?": "say 'unchanged', or 'incrementally'",
    "of (?:its|their) own": "say 'its own', or 'separate'",
    "foretells?": "say 'predicts'",
    "undecided": "say 'inconclusive', or 'not decided'",
    "if need be": "say 'where needed'",
}
IN_CODE = {"by default": "say 'Default: ...'", "dealt out": "say 'shuffled', or 'divided'"}
# Right where they stand: a possessive before a noun, and a default inside a sentence.
FINE = re.compile(
    r"of (?:its|their) own (?:stars|class|units?|off-trend|species|fold|sigmas)\b|95% by default|one shard by default"
    r"|(?:binned|kept|averaged) by default",
    re.IGNORECASE,
)
PLACES = {
    "luxjax/**/*.py": WORDS | IN_CODE,
    "luxjax/**/*.jinja": WORDS | IN_CODE,
    "docs/**/*.md": WORDS,
    "README.md": WORDS,
}


def wrong_words(text: str, patterns: dict[str, str] | None = None) -> list[str]:
    """The patterns that a text holds, each with advice; those that are right where they stand do not count."""
    text = FINE.sub("", text)
    return [
        f"'{found.group(0)}': {advice}"
        for pattern, advice in (WORDS | IN_CODE if patterns is None else patterns).items()
        for found in re.finditer(rf"\b{pattern}\b", text, re.IGNORECASE)
    ]


def prose(file: Path) -> list[tuple[int, str]]:
    """(line, text without line breaks) of what a file says: strings of Python with several words, else paragraphs."""
    source = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        strings = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]
        found = [(n.lineno, n.value) for n in strings if isinstance(n.value, str) and " " in n.value]
    else:
        starts = [0, *(m.end() for m in re.finditer(r"\n\n", source)), len(source)]
        found = [(source.count("\n", 0, start) + 1, source[start:end]) for start, end in pairwise(starts)]
    return [(line, " ".join(text.split())) for line, text in found]


def docstrings(file: Path) -> list[tuple[str, str]]:
    """(name, docstring) of a module, and of every class and function in it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return [(getattr(node, "name", "module"), ast.get_docstring(node) or "") for node in nodes]


def begins_with_the_term(docstring: str) -> bool:
    """Whether a docstring begins with what the thing is: not with "Of ...", not with a question."""
    return not re.match(r"Of\b|[^.:?]*\?", docstring)


def undocumented_default(option) -> bool:
    """Whether an option has a default that neither typer shows nor its help tells."""
    if option.is_flag or "Default:" in option.help:
        return False
    return option.default in (None, "", ()) or not option.show_default


def test_words():
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {'; '.join(found)}"
        for files, patterns in PLACES.items()
        for file in sorted(ROOT.glob(files))
        if "_build" not in file.parts
        for line, text in prose(file)
        if (found := wrong_words(text, patterns))
    ]
    assert not wrong, "\n".join(wrong)


def test_docstrings_begin_with_the_term():
    wrong = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in sorted((ROOT / "luxjax").rglob("*.py"))
        for name, docstring in docstrings(file)
        if not begins_with_the_term(docstring)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_help_begins_with_of():
    said = {command: COMMANDS[command].help for command in COMMANDS}
    said |= {f"{c} --{called(o)}": o.help for c in COMMANDS for o in options(COMMANDS[c])}
    assert [name for name, text in said.items() if not text or not begins_with_the_term(text)] == []


def test_every_default_is_told():
    wrong = [f"{c} --{called(o)}" for c in COMMANDS for o in options(COMMANDS[c]) if undocumented_default(o)]
    assert wrong == []


@pytest.mark.parametrize(
    "text", ["fitted anew", "one beside it", "written as they come", "a folder of its own", "all by default."]
)
def test_planted_words_are_seen(text):
    assert len(wrong_words(f"It is {text}")) == 1


@pytest.mark.parametrize("text", ["the median of their own class", "the manewal", "In its own unit."])
def test_ordinary_words_pass(text):
    assert wrong_words(text) == []


@pytest.mark.parametrize("text", ["Of the stars, the best.", "How good is it? Scores of labels."])
def test_planted_beginnings_are_seen(text):
    assert not begins_with_the_term(text)
    assert begins_with_the_term("Scores of labels: what is right?")


def test_a_planted_default_is_seen():
    shown = next(o for o in options(COMMANDS["infer"]) if called(o) == "warmup")
    assert not undocumented_default(shown)
    shown.help, kept = "Transitions.", shown.help
    try:
        assert undocumented_default(shown)
    finally:
        shown.help = kept
