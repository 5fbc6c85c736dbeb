import json
import os

from luxjax.core import machine


def test_what_it_says_of_this_machine():
    found = machine()
    assert found == json.loads(json.dumps(found))
    assert 1 <= found["cores"] <= os.cpu_count()
    assert 0.1 < found["memory_gb"] < 1e5
    assert all(found[name] for name in ("cpu", "system", "blas"))
    assert found["xla"]["platform"] in ("cpu", "gpu", "tpu")
