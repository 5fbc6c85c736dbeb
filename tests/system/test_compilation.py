"""What the cache of compiled programs does to fresh processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from luxjax.system import _compilation as compilation

# Two small programs of the same work; prints the folder in use, and how many programs came out of it or were compiled.
PROGRAM = """
import collections, sys, warnings
import jax, luxjax
warnings.simplefilter("ignore" if "quiet" in sys.argv else "error")
seen = collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: seen.update([name.split("/")[-1]]))
folder = luxjax.compilation_cache(sys.argv[1] or None)
assert float(jax.jit(lambda x: (x * 2).sum())(jax.numpy.ones(3))) == 6
print(folder, seen["cache_hits"], seen["cache_misses"])
"""


def fresh(folder="", *options, **environment) -> tuple[str, int, int]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), *options],
        capture_output=True,
        text=True,
        env={**inherited, "JAX_PLATFORMS": "cpu", **environment},
    )
    assert done.returncode == 0, done.stderr
    where, hits, misses = done.stdout.split()
    return where, int(hits), int(misses)


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path):
    where, hits, misses = fresh(tmp_path)
    assert (where, hits) == (str(tmp_path), 0)
    assert misses >= 2
    assert fresh(tmp_path) == (where, misses, 0)
    # Damaged entries, as a full disk leaves them, cost a message and a compilation and nothing else.
    for file in tmp_path.glob("*-cache"):
        file.write_bytes(file.read_bytes()[:20])
    assert fresh(tmp_path, "quiet")[1] == 0
    # What the user has set stays.
    other = tmp_path / "other"
    other.mkdir()
    assert fresh(tmp_path, JAX_COMPILATION_CACHE_DIR=str(other))[0] == str(other)


def test_the_default_folder_and_one_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = compilation._prepared(None)
    assert found.parent == tmp_path / "luxjax"
    assert found.name.startswith("compiled-")
    assert found.stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("in the way")
    assert compilation._prepared(tmp_path / "file" / "folder") is None


def test_the_least_recently_used_go_first(tmp_path):
    for age, name in enumerate(["new-cache", "old-cache", "oldest-cache"]):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    (tmp_path / "other").write_bytes(bytes(100))
    compilation._trim(tmp_path, 25)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new-cache", "old-cache", "other"]


def test_the_program_keeps_its_programs_and_the_import_does_not(tmp_path):
    program = (
        "import os, sys, luxjax; a = os.environ.get('JAX_COMPILATION_CACHE_DIR');"
        "from luxjax.system.internal import keep_for_program; keep_for_program(); assert 'jax' not in sys.modules;"
        "print(a, os.environ['JAX_COMPILATION_CACHE_DIR'], os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'])"
    )
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    for mine in (
        {},
        {
            "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "mine"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "7",
        },
    ):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            env={**inherited, "XDG_CACHE_HOME": str(tmp_path), **mine},
            check=True,
        )
        before, after, least = done.stdout.split()
        if mine:
            assert (before, after, least) == (str(tmp_path / "mine"), str(tmp_path / "mine"), "7")
        else:
            assert (before, Path(after).parent, least) == ("None", tmp_path / "luxjax", "0.0")


def test_where_jax_is_loaded_the_program_sets_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", object())
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    compilation.keep_for_program()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
