# Every target sets up what it needs in .venv, inside this folder; nothing else on the machine is touched.

PYTHON ?= python3
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# A file's tests run in one process: what its fixtures fit is fitted once.
PYTEST := $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

.PHONY: help demo test test-all test-annotations test-long lint lock notebooks docs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       a simulated survey, end to end: fit, labels, evidence, report -> runs/demo/report.html"
	@echo "make test       lint, types, examples in docstrings, unit tests"
	@echo "make test-all   the same with the slow tests: whole workflows, fits of every kind, recipes, lessons, claims in small"
	@echo "make test-annotations  the quick tests with every annotation of shapes and types checked at each call"
	@echo "make test-long  the longest tests: later lessons, fits by gradient, Student-t noise, posteriors of whole models, slow claims"
	@echo "make lint       ruff and mypy alone"
	@echo "make notebooks  execute every lesson in notebooks/"
	@echo "make docs       build the documentation, offline and strict -> docs/_build/html/index.html"
	@echo "make lock       resolve the newest versions again and write them to constraints.txt"
	@echo "make clean      remove caches, builds and the environment; runs/ is kept"
	@echo
	@echo "The first one takes a minute or two to install. Variables: PYTHON=python3.12 chooses the interpreter"
	@echo "(3.11 or newer), JOBS=4 the number of test processes."

# uv where there is one, because it is several times faster; pip otherwise, or when uv fails (it does not read
# pip's configuration, so behind a mirror only pip may work).
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "luxjax needs Python 3.11 or newer, and there is no '$(PYTHON)'; run make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "luxjax needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1); run make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@uv=$$(command -v uv || true); test -z "$$uv" && test -x $(BIN)/uv && uv=$(BIN)/uv; \
	if test -n "$$uv" && "$$uv" pip install -p $(BIN)/python -c constraints.txt -e ".[all,dev]"; then :; else \
		test -z "$$uv" || echo "uv could not install; trying pip"; \
		$(BIN)/python -m pip install -c constraints.txt -e ".[all,dev]"; \
	fi
	@touch $@

demo: $(STAMP)
	$(BIN)/luxjax demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Quick tests compile more than they run: their programs are compiled without optimisation, which takes a sixth less CPU
# time. The other tiers, and test-all with these tests among them, compile as users do.
test test-annotations: export XLA_FLAGS := --xla_backend_optimization_level=0 $(XLA_FLAGS)
test: lint
	$(PYTEST) -m "not slow and not long" --durations=20

test-all: lint
	$(PYTEST) -m "not long" --durations=20

# The containers of luxjax.data and what is built on them convert what they are given, while their annotations say what
# they then hold: they are not among these packages.
CHECKED := core models latents parallel fitting posterior prediction interpret evidence fitted simulation lines indices \
	preprocessing stats
comma := ,
empty :=
test-annotations: $(STAMP)
	$(PYTEST) -m "not slow and not long" \
		--jaxtyping-packages=$(subst $(empty) $(empty),$(comma),$(addprefix luxjax.,$(CHECKED)))$(comma)tests.check

test-long: $(STAMP)
	$(BIN)/python -m pytest -q -n $(JOBS) -m long

notebooks: $(STAMP)
	@set -e; for lesson in notebooks/*.ipynb; do \
		test -e "$$lesson" || { echo "there are no notebooks yet"; break; }; \
		if grep -q LUXJAX_REAL_DATA "$$lesson" && test -z "$$LUXJAX_REAL_DATA"; then \
			echo "$$lesson: skipped, LUXJAX_REAL_DATA names no folder of real files"; continue; \
		fi; \
		echo "$$lesson"; $(BIN)/jupyter-execute --timeout=600 "$$lesson"; \
	done

# Nothing is downloaded by the build, no lesson is executed, and every warning is an error.
DOCS_STAMP := $(VENV)/.docs-installed

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[docs]"
	@touch $@

docs: $(DOCS_STAMP)
	$(BIN)/python -m sphinx -q -n -W --keep-going -b html docs docs/_build/html
	@echo "The documentation is at docs/_build/html/index.html"

lock: $(STAMP)
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install uv
	@uv=$$(command -v uv || echo $(BIN)/uv); \
	"$$uv" pip compile -q --upgrade --universal --no-header --no-annotate --python-version 3.11 \
		pyproject.toml --extra all --extra dev --extra docs -o constraints.txt

clean:
	rm -rf $(VENV) docs/_build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
