"""The lessons of ``notebooks/`` as pages, with the outputs they were committed with."""

import shutil
from pathlib import Path

from sphinx.application import Sphinx


def copy(app: Sphinx) -> None:
    source, here = Path(app.srcdir).parent / "notebooks", Path(app.srcdir) / "tutorials"
    lessons = {file.name: file for file in source.glob("*.ipynb")}
    for old in here.glob("*.ipynb"):
        if old.name not in lessons:
            old.unlink()
    for name, file in lessons.items():
        page = here / name
        if not page.exists() or page.read_bytes() != file.read_bytes():
            shutil.copy(file, page)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
