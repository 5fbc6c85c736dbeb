"""The launchers start the processes that they should, which know of each other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from luxjax.core import InputError
from luxjax.parallel import join_processes
from luxjax.parallel._processes import _place

INFERENCE = Path(__file__).resolve().parents[2] / "inference"
LOCAL, SLURM = INFERENCE / "cluster" / "local.sh", INFERENCE / "cluster" / "slurm.sh"
SHOW = ["bash", "-c", "echo $LUXJAX_PROCESS/$LUXJAX_PROCESSES at ${LUXJAX_COORDINATOR%:*}"]
# What SLURM's srun does: as many copies as the job has tasks, each with its number.
SRUN = """#!/usr/bin/env bash
while [[ $1 == --* ]]; do echo "srun got $1"; shift; done
export SLURM_STEP_NODELIST=localhost SLURM_STEP_NUM_NODES=1
for ((k = 0; k < SLURM_NTASKS; k++)); do SLURM_PROCID=$k SLURM_LOCALID=$k "$@" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid" || exit $?; done
"""


def launch(command, timeout=60, **environment):
    return subprocess.run(
        [str(x) for x in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={k: v for k, v in os.environ.items() if not k.startswith("LUXJAX_")} | environment,
    )


@pytest.fixture
def slurm(tmp_path):
    """The environment of a job as sbatch would make it from the directives of the script."""
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", SLURM.read_text(), re.MULTILINE))
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(SRUN)
    srun.chmod(0o755)
    tasks = int(asked["nodes"]) * int(asked["ntasks-per-node"])
    path = f"{srun.parent}:{os.environ['PATH']}"
    return {"PATH": path, "SLURM_NTASKS": str(tasks), "SLURM_JOB_ID": str(os.getpid())}


@pytest.mark.parametrize("script", [LOCAL, SLURM])
def test_scripts_are_bash_and_say_how_they_are_used(script):
    assert launch(["bash", "-n", script]).returncode == 0
    assert "set -euo pipefail" in script.read_text()
    without = launch([script])
    assert without.returncode == 2
    assert f"inference/cluster/{script.name}" in without.stderr


def test_local_starts_every_process_and_fails_with_the_first():
    done = launch([LOCAL, "-n", 3, "-p", 4321, *SHOW])
    assert done.returncode == 0
    assert sorted(done.stdout.split("\n"))[1:] == [f"[{k}] {k}/3 at 127.0.0.1" for k in range(3)]
    failing = launch([LOCAL, "-n", 2, "bash", "-c", "((LUXJAX_PROCESS)) && exit 7; exec sleep 50"], 20)
    assert failing.returncode == 7


def test_local_goes_to_hosts_by_ssh(tmp_path):
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/usr/bin/env bash\necho "to $4"\neval "$5"\n')  # ssh -tt -o BatchMode=yes HOST COMMAND
    ssh.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = launch(
        [LOCAL, "-H", "node1,node2", "bash", "-c", f'echo "$LUXJAX_COORDINATOR" && {SHOW[2]}'], PATH=path
    )
    lines = set(done.stdout.splitlines())
    assert {"[0] to node1", "[1] to node2", "[0] 0/2 at node1", "[1] 1/2 at node1"} <= lines


def test_slurm_starts_one_process_for_each_task(slurm):
    done = launch([SLURM, "bash", "-c", "echo task $SLURM_PROCID of $SLURM_NTASKS"], **slurm)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert {"task 0 of 2", "task 1 of 2", "srun got --kill-on-bad-exit=1"} <= set(lines)
    assert not any("gpu" in line for line in lines)
    with_gpus = launch([SLURM, "true"], SLURM_GPUS_ON_NODE="4", SLURM_CPUS_PER_TASK="8", **slurm).stdout
    assert "--gpu-bind=none" in with_gpus
    assert "--cpus-per-task=8" in with_gpus


def test_where_a_process_finds_the_others():
    nothing = (None, None, None)
    given = {"LUXJAX_COORDINATOR": "node1:4321", "LUXJAX_PROCESSES": "4", "LUXJAX_PROCESS": "3"}
    assert _place(nothing, {}) is None
    assert _place(nothing, given) == ("node1:4321", 4, 3)
    assert _place((None, None, 2), given) == ("node1:4321", 4, 2)
    assert _place(nothing, {"LUXJAX_COORDINATOR": "auto"}) == ()
    step = {"SLURM_STEP_NODELIST": "node[1-2]", "SLURM_NTASKS": "2"}
    assert _place(nothing, step) == ()
    assert _place(nothing, step | {"SLURM_NTASKS": "1"}) is None
    assert _place(nothing, {"SLURM_NTASKS": "2"}) is None  # the batch script, not a step
    with pytest.raises(InputError, match="LUXJAX_PROCESSES and LUXJAX_PROCESS too"):
        _place(nothing, {"LUXJAX_COORDINATOR": "node1:4321"})
    for wrong in ({"LUXJAX_PROCESS": "4"}, {"LUXJAX_PROCESSES": "four"}, {"LUXJAX_COORDINATOR": "node1"}):
        with pytest.raises(InputError, match="do not fit"):
            _place(nothing, given | wrong)


def test_processes_that_cannot_be_joined_say_why():
    import socket

    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match="cannot be used"):
            join_processes(f"127.0.0.1:{port}", 2, 0)
    with pytest.raises(InputError, match=r"process 1 cannot reach process 0.*firewall"):
        join_processes(f"127.0.0.1:{port}", 2, 1, timeout_s=0)
    join_processes("127.0.0.1:1", 1, 0)  # alone: there is nothing to join


@pytest.mark.long
def test_large_survey_as_a_job(slurm, tmp_path):
    """From stars on disk to labels of all of them, by two processes; the same as by one."""
    found = {}
    for name, how in {"job": [SLURM], "alone": []}.items():
        out = tmp_path / name
        command = [*how, sys.executable, INFERENCE / "large_survey.py", "--smoke", "--out", out]
        done = launch(command, 900, **(slurm if how else {}))
        assert done.returncode == 0, done.stdout + done.stderr
        assert not (out / "fit.npz").exists()
        found[name] = pd.read_parquet(out / "labels")
    assert len(list((tmp_path / "job" / "labels").iterdir())) == 2
    assert found["job"]["id"].tolist() == found["alone"]["id"].tolist()
    for label in ("teff", "logg", "fe_h"):
        error = found["alone"][f"{label}_err"]
        assert (found["job"][label] - found["alone"][label]).abs().max() < 1e-2 * error.min()
