"""Each half of interpretation is imported on its own, and neither needs the evidence."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("half", ["attribution", "representation"])
def test_no_evidence_is_imported(half):
    code = (
        f"import sys, luxjax.interpret.{half}; "
        "print([m for m in sys.modules if m.split('.')[:2] in (['luxjax', 'evidence'], ['luxjax', 'runs'])])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
