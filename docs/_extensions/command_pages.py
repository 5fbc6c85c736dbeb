"""The page of commands, written from the command line itself: usage, help, arguments and options of each."""

from pathlib import Path

import typer
from sphinx.application import Sphinx

from luxjax.cli import app as luxjax_app

INTRODUCTION = """# Commands

What `luxjax COMMAND --help` prints, for every command. Options have the names of the Python parameters that they set.
"""


def cell(text: str | None) -> str:
    return " ".join((text or "").replace("|", "\\|").split())


def default(parameter) -> str:
    value = parameter.default
    if parameter.required or value is None or value in ((), [], "", False) or callable(value):
        return ""
    return f" Default: `{value}`."


def spelled(parameter) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    return names


def rows(command) -> list[str]:
    found = []
    for parameter in command.params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        text = cell(getattr(parameter, "help", ""))
        added = default(parameter) if "efault" not in text else ""
        found.append(f"| {spelled(parameter)} | {text}{added}{' Required.' if parameter.required else ''} |")
    return found


def usage(command, path: str) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    words = [p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments]
    return " ".join([path, *words, "[OPTIONS]"])


def section(command, path: str, level: int) -> list[str]:
    commands = getattr(command, "commands", None)
    lines = [f"{'#' * level} {path}", "", (command.help or "").replace("\b", "").strip(), ""]
    if commands:
        for name, below in commands.items():
            if not below.hidden:
                lines += section(below, f"{path} {name}", level + 1)
        return lines
    lines += ["```console", f"$ {usage(command, path)}", "```", ""]
    if found := rows(command):
        lines += ["| argument or option | meaning |", "|---|---|", *found, ""]
    return lines


def page() -> str:
    root = typer.main.get_command(luxjax_app)
    lines = [INTRODUCTION]
    for name, command in root.commands.items():
        if not command.hidden:
            lines += section(command, f"luxjax {name}", 2)
    return "\n".join(lines)


def write(app: Sphinx) -> None:
    file, text = Path(app.srcdir) / "reference" / "commands.md", page()
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
