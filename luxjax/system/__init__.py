"""What the machine offers and how the program uses it: compilation cache, memory, threads, lazy imports."""

from ._compilation import compilation_cache
from ._machine import machine, peak_memory_gb
from ._memory import keep_freed_memory

__all__ = [
    "compilation_cache",
    "keep_freed_memory",
    "machine",
    "peak_memory_gb",
]
