import json
import os

import numpy as np

from luxjax.system import machine, peak_memory_gb


def test_what_it_says_of_this_machine():
    found = machine()
    assert found == json.loads(json.dumps(found))
    assert 1 <= found["cores"] <= os.cpu_count()
    assert 0.1 < found["memory_gb"] < 1e5
    assert all(found[name] for name in ("cpu", "system", "blas"))
    assert found["xla"]["platform"] in ("cpu", "gpu", "tpu")


def test_peak_memory_counts_what_is_held_no_longer():
    before = peak_memory_gb()
    held = np.ones(50_000_000)
    with_it = peak_memory_gb()
    del held
    assert with_it > 0.4
    assert with_it >= 0.99 * before  # the kernel counts in batches
    assert peak_memory_gb() >= 0.99 * with_it
