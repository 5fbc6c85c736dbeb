import json
import subprocess

import numpy as np
import pytest

from luxjax.core import InputError
from validation.claims import Claim

KEYS = [
    "claim",
    "statement",
    "threshold",
    "measured",
    "passed",
    "seed",
    "smoke",
    "versions",
    "device",
    "commit",
    "wall_s",
]


@pytest.fixture
def claim(tmp_path):
    return Claim(
        tmp_path / "offset.py",
        "The offset is small.",
        {"offset": "< 0.05", "pairs": ">= 1"},
        seed=3,
        smoke_threshold={"offset": "< 1"},
    )


@pytest.mark.parametrize(
    ("offset", "pairs", "status"),
    [(0.01, 1.0, 0), (0.05, 1.0, 1), (0.01, 0.99, 1), (float("nan"), 1.0, 1), (-np.inf, 1, 1)],
)
def test_verdict_is_written_and_decides_the_exit_status(claim, offset, pairs, status, capsys):
    measured = {"offset": np.float32(offset), "pairs": pairs, "shape": np.arange(2)}
    assert claim.run(lambda args: measured, argv=[]) == status
    read = json.loads(claim.path().read_text())
    assert list(read) == KEYS
    assert read["passed"] is (status == 0)
    assert read["claim"] == "offset"
    assert read["measured"]["shape"] == [0, 1]
    assert (read["measured"]["offset"] is None) == (not np.isfinite(offset))
    assert read["threshold"] == {"offset": "< 0.05", "pairs": ">= 1"}
    assert read["versions"]["numpy"] == np.__version__
    assert read["commit"] is None, "the program lies in no checkout"
    assert ("passed" if status == 0 else "FAILED") in capsys.readouterr().out


def test_smoke_writes_elsewhere_with_its_own_threshold(claim):
    seen = []

    def measure(args):
        seen.append((args.smoke, args.data))
        return {"offset": 0.5}

    status = claim.run(measure, options=lambda p: p.add_argument("--data"), argv=["--smoke", "--data", "x"])
    assert (status, seen) == (0, [(True, "x")])
    assert not claim.path().exists()
    assert claim.path(smoke=True) == claim.path().parent / "smoke" / "offset.json"
    assert json.loads(claim.path(smoke=True).read_text())["smoke"] is True


def test_what_cannot_be_measured_leaves_no_verdict(claim, capsys):
    def measure(args):
        raise InputError("there is no data; give --data.")

    assert claim.run(measure, argv=[]) == 2
    assert not claim.path().exists()
    assert "there is no data" in capsys.readouterr().err


def test_commit_of_the_checkout(claim, tmp_path):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True)

    git("init", "-q")
    (tmp_path / "offset.py").write_text("1")
    (tmp_path / "luxjax").mkdir()
    (tmp_path / "luxjax" / "a.py").write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    head = git("rev-parse", "HEAD").stdout.strip()
    measured = {"offset": 0.0, "pairs": 1}
    assert claim.verdict(measured, wall_s=0)["commit"] == head
    (tmp_path / "luxjax" / "a.py").write_text("2")
    assert claim.verdict(measured, wall_s=0)["commit"] == head + "+"


@pytest.mark.parametrize("condition", ["0.05", "< five", "~ 3", "", "< 1 2"])
def test_unreadable_threshold(condition):
    with pytest.raises(InputError, match="such as '< 0\\.05'"):
        Claim("a.py", "s", {"x": condition}, seed=0)


def test_missing_measurement_and_missing_threshold(claim):
    with pytest.raises(InputError, match="no measured value 'pairs'"):
        claim.verdict({"offset": 1.0}, wall_s=0)
    with pytest.raises(InputError, match="cannot fail"):
        Claim("a.py", "s", {}, seed=0)
