"""Stars divided among the devices of one or more processes, and sums over all of them.

Each process goes through a stretch of the stars, at its own pace. A block of them lies spread over its devices, every
device runs the same kernel on its part, and only sums travel: at the end of a pass all devices of all processes add
theirs. What follows from the sums every process computes for itself, from the same numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from ..core import Batch, InputError, OutputData
from ..core.internal import STEP, AbstractLocalStars, AbstractStars, Array, Block, join_names, padded_blocks

__all__ = [
    "STAR",
    "SUM",
    "Sharded",
    "device_put_sharded",
    "local_stars",
    "on_mesh",
    "shard_map_stars",
    "star_mesh",
]

AXIS = "star"
SUM = "sum"  # what a kernel returns: a sum over the stars of its block,
STAR = "star"  # or something of each of them

Tree = TypeVar("Tree")


def star_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh with the one axis ``star`` over these devices. Default: all devices of all processes.

    Give it to `luxjax.fit` and `luxjax.transfer`. Several processes have to be joined first, by `join_processes`.

    Examples
    --------
    >>> from luxjax.parallel import star_mesh
    >>> star_mesh().axis_names
    ('star',)
    """
    found = sorted(jax.devices() if devices is None else devices, key=lambda d: (d.process_index, d.id))
    return Mesh(np.array(found), (AXIS,))


def local_stars(n_stars: int, mesh: Mesh, process: int | None = None) -> slice:
    """The stretch of the stars that a process (this one) reads: as large a part of them as it has of the devices."""
    process = jax.process_index() if process is None else process
    own = [k for k, device in enumerate(mesh.devices.flat) if device.process_index == process]
    return slice(n_stars * own[0] // mesh.size, n_stars * (own[-1] + 1) // mesh.size)


class Sharded(AbstractStars):
    """The stars of one process, spread over its devices. Made by `on_mesh`.

    Parameters
    ----------
    whole : AbstractLocalStars
        The stars of all processes.
    mesh : Mesh
    """

    def __init__(self, whole: AbstractLocalStars, mesh: Mesh):
        self.whole, self.mesh, self.local = whole, mesh, mesh.local_mesh
        self.labels = whole.labels
        self._here = whole if self.own == slice(0, whole.n_stars) else whole.stars(self.own)
        self._kept: tuple[int, list[Block]] = (0, [])

    @property
    def names(self) -> tuple[str, ...]:
        return self.whole.names

    @property
    def sizes(self) -> dict[str, int]:
        return self.whole.sizes

    @property
    def n_stars(self) -> int:
        return self.whole.n_stars

    @property
    def dtype(self) -> np.dtype:
        return self.whole.dtype

    @property
    def is_in_memory(self) -> bool:
        return self.whole.is_in_memory

    @property
    def chunk(self) -> int:
        return self.whole.chunk

    @property
    def fingerprint(self) -> str | None:
        return self.whole.fingerprint

    def __getitem__(self, name: str) -> OutputData:
        return jax.tree.map(lambda x: jnp.asarray(self.gathered(x)), self._here[name])

    def only(self, *names: str) -> "Sharded":
        return Sharded(self.whole.only(*names), self.mesh)

    def stars(self, index) -> "Sharded":
        return on_mesh(self.whole.stars(index), self.mesh)

    def in_memory(self) -> Batch:
        return self.whole.in_memory()

    def runs(self, begins: Sequence[int] | np.ndarray, length: int) -> list[Batch]:
        return self.whole.runs(begins, length)

    def blocks(self, size: int, *, overlap: bool = False) -> Iterator[Block]:
        """Blocks of about `size` stars for each device here, nearly equal; they stay there if the stars are in memory."""
        size = self._block_size(size)
        if size == self._kept[0]:
            yield from self._kept[1]
            return
        kept = []
        for part, real, where in padded_blocks(self._here, size):
            block = (*device_put_sharded((part, real), self.mesh), where)
            if self.is_in_memory:
                kept.append(block)
            yield block
        if kept:
            self._kept = (size, kept)

    def _block_size(self, size: int) -> int:
        n = self.own.stop - self.own.start
        n_parts = self.local.size * -(-n // (size * self.local.size))
        return self.local.size * min(size, -(-n // (n_parts * STEP)) * STEP)

    @property
    def own(self) -> slice:
        return local_stars(self.n_stars, self.mesh)

    @property
    def is_main_process(self) -> bool:
        return self.mesh.devices.flat[0].process_index == jax.process_index()

    def device_put(self, rows: np.ndarray) -> Array:
        return device_put_sharded(rows, self.mesh)

    def everywhere(self, tree: Tree) -> Tree:
        arrays, rest = eqx.partition(tree, _is_array)
        return eqx.combine(jax.device_put(arrays, NamedSharding(self.local, P())), rest)

    def all_reduce(self, sums: Tree) -> Tree:
        rows = NamedSharding(self.mesh, P(AXIS))

        def of_all(x):
            shape = (self.mesh.size, *x.shape[1:])
            return jax.make_array_from_single_device_arrays(
                shape, rows, [s.data for s in x.addressable_shards]
            )

        total = _added(jax.tree.map(of_all, sums), NamedSharding(self.mesh, P()))
        return jax.tree.map(lambda x: x.addressable_data(0), total)

    def from_first(self, tree: Tree) -> Tree:
        if self.mesh.size == self.local.size:
            return tree
        arrays, rest = eqx.partition(tree, _is_array)
        found = multihost_utils.broadcast_one_to_all(arrays)  # arrays of the host
        found = jax.tree.map(lambda x, y: jnp.asarray(y) if isinstance(x, jax.Array) else y, arrays, found)
        return eqx.combine(found, rest)

    def gathered(self, rows: Any) -> np.ndarray:
        rows = np.asarray(rows)
        processes = sorted({d.process_index for d in self.mesh.devices.flat})
        stretches = [local_stars(self.n_stars, self.mesh, process) for process in processes]
        if len(stretches) == 1:
            return rows
        most = max(s.stop - s.start for s in stretches)
        filled = np.pad(rows, [(0, most - len(rows)), *[(0, 0)] * (rows.ndim - 1)])
        found = multihost_utils.process_allgather(filled)
        return np.concatenate([x[: s.stop - s.start] for x, s in zip(found, stretches, strict=True)])


def on_mesh(stars: AbstractLocalStars, mesh: Mesh) -> Sharded:
    """The part of the stars that this process has, on its devices.

    Raises
    ------
    InputError
        This is no mesh of stars, or there are fewer stars than devices.
    """
    processes = [d.process_index for d in mesh.devices.flat] if isinstance(mesh, Mesh) else []
    if not processes or mesh.axis_names != (AXIS,) or processes != sorted(processes):
        raise InputError(f"mesh has to be one of stars, from luxjax.parallel.star_mesh(); given: {mesh}.")
    if jax.process_index() not in processes or len(set(processes)) not in (1, jax.process_count()):
        raise InputError(
            f"the mesh has devices of the processes {join_names(sorted(set(processes)))}, and this is process "
            f"{jax.process_index()} of {jax.process_count()}; make it from all devices, by star_mesh(), or from this "
            "process's own, by star_mesh(jax.local_devices())."
        )
    if stars.n_stars < mesh.size:
        raise InputError(f"{stars.n_stars} stars are fewer than the {mesh.size} devices; use fewer devices.")
    return Sharded(stars, mesh)


def device_put_sharded(rows, mesh: Mesh):
    """Arrays of each star, or trees of them, spread over the devices that this process has of a mesh."""
    return jax.device_put(rows, NamedSharding(mesh.local_mesh, P(AXIS)))


def shard_map_stars(kernel: Callable, out=SUM) -> Callable:
    """The kernel as it runs where its stars are: on every device for the stars that lie there.

    Parameters
    ----------
    kernel : callable
        Function of blocks and other arrays of each star (see `device_put_sharded`), and of what is the same for all stars. Stars that are
        not spread over devices are left to it as they are.
    out : "sum", "star" or tuples of these
        What its results are; `AbstractStars.all_reduce` adds sums up.
    """
    return partial(_where_stars_are, kernel, out)


def _where_stars_are(kernel: Callable, out, *args):
    arrays, rest = eqx.partition(args, _is_array)
    meshes = [mesh for x in jax.tree.leaves(arrays) if (mesh := _mesh_of(x))]
    if not meshes:
        return kernel(*args)
    on_all = NamedSharding(meshes[0], P())
    specs = jax.tree.map(lambda x: P(AXIS) if _mesh_of(x) else P(), arrays)
    arrays = jax.tree.map(lambda x: x if _mesh_of(x) else jax.device_put(x, on_all), arrays)
    return _run(kernel, out, meshes[0], specs, arrays, rest)


def _is_array(x) -> bool:
    return isinstance(x, jax.Array | np.ndarray)


def _mesh_of(x) -> Mesh | None:
    """The mesh of devices that an array of stars is spread over."""
    sharding = None if isinstance(x, jax.core.Tracer) else getattr(x, "sharding", None)
    if not isinstance(sharding, NamedSharding) or tuple(sharding.spec)[:1] != (AXIS,):
        return None
    return cast(Mesh, sharding.mesh)


@eqx.filter_jit
def _run(kernel: Callable, out, mesh: Mesh, specs, arrays, rest):
    def on_one(arrays):
        found = kernel(*eqx.combine(arrays, rest))
        # The sums of each device, one after another on a new axis.
        return jax.tree.map(
            lambda kind, part: jax.tree.map(lambda x: x[None], part) if kind == SUM else part, out, found
        )

    return jax.shard_map(on_one, mesh=mesh, in_specs=(specs,), out_specs=P(AXIS), check_vma=False)(arrays)


@partial(jax.jit, static_argnums=1)
def _added(sums, everywhere: NamedSharding):
    return jax.lax.with_sharding_constraint(jax.tree.map(lambda x: jnp.sum(x, axis=0), sums), everywhere)
