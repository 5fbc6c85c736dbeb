"""What keeping freed memory does to fresh processes."""

import os
import platform
import subprocess
import sys

import pytest

# How many pages the system had to give to 50 arrays of 8 MiB, of which only one is there at a time.
PROGRAM = """
import resource, sys
import numpy as np
import luxjax
kept = luxjax.keep_freed_memory() if "keep" in sys.argv else None
for n in range(60):
    if n == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    two = [np.ones(2**20), np.ones(2**20)]
    del two
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")


def fresh(*options, **environment) -> tuple[str, int]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *options], capture_output=True, text=True, env=inherited | environment
    )
    assert done.returncode == 0, done.stderr
    said, faults = done.stdout.split()
    return said, int(faults)


@glibc
def test_freed_memory_is_used_again():
    _, returned = fresh()
    said, kept = fresh("keep")
    assert said == "True"
    assert kept < returned / 5


@glibc
def test_settings_of_the_environment_stay():
    assert fresh("keep", MALLOC_MMAP_THRESHOLD_="1000000")[0] == "False"
