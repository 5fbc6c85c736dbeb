"""The machine that a number was measured on."""

import os
import platform
from pathlib import Path
from typing import Any

__all__ = ["machine", "peak_memory_gb", "usable_cores"]


def machine() -> dict[str, Any]:
    """Facts of this machine that decide how long a computation takes, to be recorded with a measured time.

    Returns
    -------
    dict
        ``cpu`` (model), ``cores`` (that this process may use), ``memory_gb``, ``system``, ``blas`` (of NumPy), ``xla`` (its
        platform, devices and flags) and ``threads`` (environment variables that set their number).

    Examples
    --------
    >>> from luxjax.system import machine
    >>> sorted(machine())
    ['blas', 'cores', 'cpu', 'memory_gb', 'system', 'threads', 'xla']
    """
    import jax
    import numpy as np

    devices = jax.devices()
    build: Any = np.show_config(mode="dicts")
    blas = build["Build Dependencies"]["blas"]
    return {
        "cpu": _cpu(),
        "cores": usable_cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "xla": {
            "platform": devices[0].platform,
            "devices": f"{len(devices)} x {devices[0].device_kind}",
            "flags": os.environ.get("XLA_FLAGS", ""),
        },
        "threads": {k: v for k, v in sorted(os.environ.items()) if k.endswith("_NUM_THREADS")},
    }


def _cpu() -> str:
    """Model of the processor; the architecture where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores that this process may run on, which a scheduler may have made fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_gb() -> float:
    """The largest memory that this program has held so far, in GB of 1e9 bytes.

    On Linux from the kernel's account of this program alone; elsewhere from ``ru_maxrss``, which may count what its
    parent held when it started it.

    Examples
    --------
    >>> from luxjax.system import peak_memory_gb
    >>> 0 < peak_memory_gb() < 1000
    True
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e9
    import resource  # not on Windows

    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
