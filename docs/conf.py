"""Configuration of the documentation. The build downloads nothing, executes no lesson and takes warnings as errors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import luxjax

project = "luxjax"
author = "The luxjax developers"
copyright = "The luxjax developers, MIT licence"
version = release = luxjax.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    # Ours: the pages that are written from the library itself, and links to its names.
    "names",
    "api_pages",
    "command_pages",
    "fact_pages",
    "lessons",
    "formulas",
]
exclude_patterns = ["_build", "**/.jupyter_cache", "README.md"]

# Docstrings. Signatures show names and defaults; types, shapes and units are in the Parameters section.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False  # api_pages writes one page a package
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
default_role = "name"  # a single backtick: a link to a name of luxjax, or code (_extensions/names.py)
toc_object_entries_show_parents = "hide"

# Markdown and lessons. Lessons carry the outputs they were committed with; the tests execute every one of them,
# so that executing them here again would only make the build slow.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "luxjax"
html_static_path = ["_static"]
html_css_files = ["luxjax.css"]
html_theme_options = {
    "navbar_align": "left",
    "show_prev_next": False,
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
    "pygments_light_style": "default",
    "pygments_dark_style": "monokai",
}
html_sidebars = {"index": [], "glossary": [], "problems": [], "changelog": []}
html_show_sourcelink = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
