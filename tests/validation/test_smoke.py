"""The claims that need no real data run through in seconds, and their verdicts are whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

VALIDATION = Path(__file__).resolve().parents[2] / "validation"


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim",
    [
        "in_model_labels",
        pytest.param("closed_form_fit", marks=pytest.mark.long),
        pytest.param("verdict_error_rates", marks=pytest.mark.long),
        "seismic_logg",
        pytest.param("extinction_curve", marks=pytest.mark.long),
        pytest.param("multimodal_fusion", marks=pytest.mark.long),
        pytest.param("missing_modalities", marks=pytest.mark.long),
        pytest.param("response_truth", marks=pytest.mark.long),
        pytest.param("explanation_exactness", marks=pytest.mark.long),
        pytest.param("gauge", marks=pytest.mark.long),
        pytest.param("transfer_of_trust", marks=pytest.mark.long),
        pytest.param("attenuation", marks=pytest.mark.long),
        pytest.param("robustness", marks=pytest.mark.long),
        pytest.param("kill_and_resume", marks=pytest.mark.long),
        pytest.param("kill_and_resume_fit", marks=pytest.mark.long),
        pytest.param("scaling", marks=pytest.mark.long),
        pytest.param("speed_against_peers", marks=pytest.mark.long),
        pytest.param("devices", marks=pytest.mark.long),
        pytest.param("start_up", marks=pytest.mark.long),
        pytest.param("accelerator", marks=pytest.mark.long),
    ],
)
def test_smoke_run_passes(claim):
    program = [sys.executable, str(VALIDATION / f"{claim}.py"), "--smoke"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{claim}: passed" in done.stdout
    verdict = json.loads((VALIDATION / "results" / "smoke" / f"{claim}.json").read_text())
    assert verdict["smoke"]
    assert verdict["passed"]
    assert set(verdict["threshold"]) <= set(verdict["measured"])
