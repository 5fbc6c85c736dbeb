"""Several processes, on one machine or many, joined into one program before it begins.

JAX ends a process from within where it cannot join the others, without a word that helps; what can go wrong is therefore
tried first.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ..core import InputError

__all__ = ["broadcast_from_first", "join_processes"]

VARIABLES = ("LUXJAX_COORDINATOR", "LUXJAX_PROCESSES", "LUXJAX_PROCESS")
PATIENCE = 15.0  # seconds until a process that waits says so
SILENCE = 300  # seconds without a sign of life until a process is taken for dead; busy machines need more than JAX's 100


def join_processes(
    coordinator: str | None = None,
    n_processes: int | None = None,
    process: int | None = None,
    *,
    timeout_s: int = 300,
) -> None:
    """Make the processes of a program one: each calls this first of all, then `star_mesh` has the devices of all.

    What is not given is taken from the environment: LUXJAX_COORDINATOR, LUXJAX_PROCESSES and LUXJAX_PROCESS, which
    ``inference/cluster/local.sh`` sets; else from SLURM within a step of several tasks; else the process stays alone. With the
    coordinator ``auto`` JAX finds the others, as it can on TPU pods and with Open MPI or Kubernetes.

    Parameters
    ----------
    coordinator : str, optional
        ``host:port`` of process 0, as the others reach it, or ``auto``.
    n_processes : int, optional
    process : int, optional
        Number of this one, from 0.
    timeout_s : int
        How long to wait for the others.

    Raises
    ------
    InputError
        Something is missing or wrong, the coordinator cannot be reached, or JAX has begun to compute.
    """
    place = _place((coordinator, n_processes, process), os.environ)
    if place is None or jax.distributed.is_initialized():
        return
    if place == ():
        _initialize(timeout_s)
        return
    address, count, own = place
    if count == 1:
        return
    _try(address, own, timeout_s)
    waiting = threading.Timer(PATIENCE, _say_that_it_waits, place)
    waiting.daemon = True
    waiting.start()
    try:
        _initialize(timeout_s, coordinator_address=address, num_processes=count, process_id=own)
    finally:
        waiting.cancel()


def broadcast_from_first(number: int) -> int:
    """Broadcast a number of process 0 to every process; each waits for it here."""
    return int(multihost_utils.broadcast_one_to_all(np.array(number, np.int32)))


def _initialize(timeout_s: int, **place) -> None:
    try:
        jax.distributed.initialize(
            initialization_timeout=timeout_s, heartbeat_timeout_seconds=SILENCE, **place
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"the processes could not be joined ({str(error).splitlines()[0]}); call join_processes() before anything "
            "is computed, alike in every process."
        ) from error


def _place(given: tuple[Any, ...], environment: Mapping[str, str]) -> tuple | None:
    """Coordinator, number of processes and own number; () where JAX finds them, None for a process alone."""
    found: tuple[Any, ...] = tuple(
        environment.get(name) if x is None else x for x, name in zip(given, VARIABLES, strict=True)
    )
    if found[0] == "auto":
        return ()
    if all(x is None for x in found):
        # Steps of SLURM name their nodes; the batch script itself is no step.
        tasks = int(environment.get("SLURM_NTASKS", 1)) if "SLURM_STEP_NODELIST" in environment else 1
        return () if tasks > 1 else None
    missing = [name for x, name in zip(found, VARIABLES, strict=True) if x is None]
    if missing:
        raise InputError(
            f"processes need {' and '.join(missing)} too (or the arguments of join_processes): the address host:port of "
            "process 0, the number of processes, and the number of this one."
        )
    address, count, own = found
    try:
        count, own, port = int(count), int(own), int(address.rpartition(":")[2])
    except ValueError:
        count, own, port = 0, 0, 0
    if not (0 <= own < count and 0 < port < 65536 and ":" in address):
        raise InputError(
            f"coordinator '{found[0]}', number of processes {found[1]} and own number {found[2]} do not fit; give host:port, "
            "a whole number, and a whole number from 0 below it."
        )
    return address, count, own


def _try(address: str, own: int, timeout_s: float) -> None:
    """Whether the port is free (process 0) or answers (the others)."""
    host, _, port = address.rpartition(":")
    if own == 0:
        try:
            with socket.create_server(("", int(port))):
                return
        except OSError as error:
            raise InputError(
                f"port {port} of '{address}' cannot be used ({error}); choose another one."
            ) from error
    end = time.monotonic() + timeout_s
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
                return
        except OSError as error:
            if time.monotonic() > end:
                raise InputError(
                    f"process {own} cannot reach process 0 at {address} ({error}); check that it runs, that the name and "
                    "port are right, and that no firewall is between."
                ) from error
            time.sleep(0.2)


def _say_that_it_waits(address: str, count: int, own: int) -> None:
    print(
        f"process {own} of {count} waits for the others at {address}: have all been started?",
        file=sys.stderr,
        flush=True,
    )
