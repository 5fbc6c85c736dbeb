"""Every lesson runs from top to bottom; its last cell holds the numbers in its prose to what was found."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
FIRST, *LATER = LESSONS
# Minutes each on two cores; the first lesson stands for them among the everyday tests.
RUN = [FIRST, *(pytest.param(lesson, marks=pytest.mark.long) for lesson in LATER)]


@pytest.fixture
def files_of(request, monkeypatch):
    """Gives a lesson the real files that it names, or skips it with the reason where they are not."""

    def give(lesson: Path) -> None:
        if "LUXJAX_REAL_DATA" in lesson.read_text(encoding="utf-8"):
            monkeypatch.setenv("LUXJAX_REAL_DATA", str(request.getfixturevalue("real_data")))

    return give


@pytest.mark.parametrize("lesson", RUN, ids=lambda p: p.stem)
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore"
)  # of the notebook machinery; those of the lesson stay in its own process
def test_lesson_runs(lesson, tmp_path, files_of):
    files_of(lesson)
    notebook = nbformat.read(lesson, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    text = "".join(o.get("text", "") for o in notebook.cells[-1].outputs)
    assert "all as described" in text
    complaints = [
        o.text
        for cell in notebook.cells
        if cell.cell_type == "code"
        for o in cell.outputs
        if o.output_type == "stream" and o.name == "stderr"
    ]
    assert not complaints


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda p: p.stem)
def test_lesson_is_committed_with_small_outputs(lesson):
    notebook = nbformat.read(lesson, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[-1].cell_type == "code"
    assert "assert " in notebook.cells[-1].source
    for cell in notebook.cells:
        assert not cell.metadata
        if cell.cell_type == "code" and cell.source:
            assert cell.execution_count
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            image = output.get("data", {}).get("image/png", "")
            assert len(image) * 3 / 4 < 150_000


def test_there_are_lessons():
    assert LESSONS
