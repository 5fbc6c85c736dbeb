"""Work done ahead, in order: reading continues while what was read is being used."""

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from typing import Any, TypeVar

from ..core import InputError
from ._location import needs

__all__ = ["ahead", "executor", "prefetched"]

Job = TypeVar("Job")
Result = TypeVar("Result")


def ahead(pool: Any, work: Callable[[Job], Result], jobs: Iterable[Job], depth: int) -> Iterator[Result]:
    """Results in the order of the jobs, at most `depth` of them worked on or waiting; memory holds no more."""
    waiting: deque = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def prefetched(work: Callable[[Job], Result], jobs: Iterable[Job], depth: int = 1) -> Iterator[Result]:
    """Results of reading in order, ahead of their use, by one thread for which all such work queues up."""
    yield from ahead(_reader(os.getpid()), work, jobs, depth)


@cache
def _reader(_process: int) -> ThreadPoolExecutor:
    """One thread for as long as this process lives; a fork of it has none of its threads, and makes its own.

    A new thread for every pass would have its own heap, which keeps what was freed there: memory grows twofold.
    """
    return ThreadPoolExecutor(1, thread_name_prefix="luxjax-reader")


@contextmanager
def executor(workers: int = 1, scheduler: str | None = None) -> Iterator[tuple[Any, int]]:
    """Something with ``submit`` (a Dask cluster, processes, or one thread) and how many jobs it works on at a time.

    Parameters
    ----------
    workers : int
        With 1, a thread of this process; with more, as many processes: under Dask where it is installed (extra
        ``cluster``), else a plain pool.
    scheduler : str, optional
        Address of a running Dask scheduler, such as ``tcp://host:8786``, whose workers do the work. They need luxjax
        and see the same files.
    """
    if scheduler is None and workers <= 1:
        with ThreadPoolExecutor(1) as pool:
            yield pool, 1
        return
    try:
        with needs("a Dask cluster", "cluster"):
            from distributed import Client, LocalCluster
    except InputError:
        if scheduler is not None:
            raise
        context, parent = get_context("spawn"), os.getpid()
        with ProcessPoolExecutor(workers, context, initializer=_end_with, initargs=(parent,)) as processes:
            # A process is started for each of the first jobs.
            for job in _started(lambda: [processes.submit(os.getpid) for _ in range(workers)]):
                job.result()
            yield processes, workers
        return
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="20s")
        except (OSError, ValueError) as error:
            raise InputError(
                f"no Dask scheduler answers at '{scheduler}' ({error}); start one with 'dask scheduler', or leave the "
                "address out to use this machine."
            ) from error
        with client:
            yield client.get_executor(pure=False), max(sum(client.nthreads().values()), 4)
        return
    settings = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": ":0"}
    cluster = _started(lambda: LocalCluster(**settings, silence_logs=logging.CRITICAL))
    with cluster, Client(cluster) as client:
        yield client.get_executor(pure=False), workers


def _started(make: Callable[[], Result]) -> Result:
    """What starts processes that take no notice of Ctrl-C, which a terminal sends to all: their parent ends them.

    Processes inherit which signals are held back, from the thread that starts them.
    """
    found: Future = Future()

    def run() -> None:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            found.set_result(make())
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found.result()


def _end_with(parent: int) -> None:
    """End this worker process once its parent has been killed, which a plain pool does not notice."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
