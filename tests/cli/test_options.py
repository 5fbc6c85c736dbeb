"""Every option has the name of the Python parameter that it sets, and old names answer with the new ones."""

import importlib
import inspect
import re
import subprocess
import sys

import pytest
import typer

from luxjax.cli import _app as cli
from luxjax.cli._names import EXCEPTIONS, OLD_OPTIONS, PARAMETERS_OF


def commands(group=None, path=()) -> dict:
    """Command -> its click command, all the way down."""
    group = group or typer.main.get_command(cli.app)
    found = {}
    for name, command in group.commands.items():
        inside = hasattr(command, "commands")
        found |= commands(command, (*path, name)) if inside else {" ".join((*path, name)): command}
    return found


COMMANDS = commands()


def options(command) -> list:
    return [p for p in command.params if p.param_type_name == "option" and p.name != "help"]


def called(option) -> str:
    """The long name of an option, as Python would write it."""
    return next(o for o in option.opts if o.startswith("--")).removeprefix("--").replace("-", "_")


def parameters(command: str) -> set[str]:
    """Names of the parameters of the functions that a command calls."""
    found: set[str] = set()
    for dotted in PARAMETERS_OF[command]:
        module, names = dotted, []
        while True:
            try:
                thing = importlib.import_module(module)
                break
            except ModuleNotFoundError:
                module, _, name = module.rpartition(".")
                names.insert(0, name)
        for name in names:
            thing = getattr(thing, name)
        found |= set(inspect.signature(thing).parameters)
    return found


def departures(command: str, given) -> list[str]:
    """Options of a command that neither a parameter nor an exception accounts for."""
    known = parameters(command)
    return [
        called(option)
        for option in given
        if called(option) not in known | set(EXCEPTIONS)
        and not (option.multiple and f"{called(option)}s" in known)
    ]


def test_every_command_says_what_it_calls():
    assert set(COMMANDS) == set(PARAMETERS_OF)
    assert set(OLD_OPTIONS) <= set(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_options_are_named_as_parameters(command):
    assert departures(command, options(COMMANDS[command])) == []


def test_a_new_option_that_departs_is_seen():
    app = typer.Typer()

    @app.command()
    def fit(latents: int = 3, n_latents: int = 4, errors: list[str] | None = None): ...

    assert departures("fit", options(typer.main.get_command(app))) == ["n_latents", "errors"]


def test_exceptions_are_few_and_in_use():
    used = {called(o) for c in COMMANDS.values() for o in options(c)}
    used |= {called(o) for o in options(typer.main.get_command(cli.app))} | {"help"}
    assert set(EXCEPTIONS) <= used
    assert all(reason for reason in EXCEPTIONS.values())
    assert len(EXCEPTIONS) <= 15


def run(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["luxjax", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    out, err = capsys.readouterr()
    return stopped.value.code or 0, out, err


OLD = [(command, old, new) for command, names in OLD_OPTIONS.items() for old, new in names.items()]


@pytest.mark.parametrize(("command", "old", "new"), OLD)
@pytest.mark.parametrize("way", ["{} {}", "{}={}", "{}"])
def test_an_old_option_names_the_new_one(command, old, new, way, capsys):
    name, _, of_a_file = old.partition(" ")
    if of_a_file and way == "{}":
        pytest.skip("it has another meaning where its value is no file")
    given = way.format(name, "absent.fits").split()
    status, out, err = run(capsys, *command.split(), "somewhere", *given)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert f"the option {name} of '{command}' is now called {new}" in err


@pytest.mark.parametrize(("command", "old", "new"), OLD)
def test_the_new_option_is_there_and_the_old_one_is_not(command, old, new):
    there = {o for p in COMMANDS[command].params for o in (*p.opts, *p.secondary_opts)}
    assert new in there
    assert " FILE" in old or old not in there


def test_what_follows_two_hyphens_is_no_option(capsys):
    status, _, err = run(capsys, "report", "--", "--clean")
    assert status == 2
    assert "there is no run folder at --clean" in err


def test_words_of_the_help():
    """First the term, then the detail; defaults as "Default: ..."."""
    said = {
        f"{command} {called(option)}": option.help
        for command in sorted(COMMANDS)
        for option in options(COMMANDS[command])
    }
    said |= {command: COMMANDS[command].help for command in COMMANDS}
    wrong = re.compile(
        r"\bunless given\b|\banew\b|\bas they come\b|\bof its own\b|\bbeside\b|\bif need be\b|^Of\b"
    )
    assert {k: text for k, text in said.items() if not text or wrong.search(text)} == {}


@pytest.mark.slow
def test_completion_is_offered_and_the_module_is_the_program():
    done = subprocess.run(
        [sys.executable, "-m", "luxjax", "--help"], capture_output=True, text=True, check=True
    )
    assert "Usage: luxjax [OPTIONS] COMMAND" in done.stdout
    assert "--install-completion" in done.stdout
    wrong = subprocess.run([sys.executable, "-m", "luxjax", "fit", "x", "--cross-validate", "8"], capture_output=True, text=True)  # fmt: skip
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "is now called --latents" in wrong.stderr
