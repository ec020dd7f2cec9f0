# Every target sets up what it needs by itself; only make and Python 3.11, 3.12 or 3.13 have to be there.
#   make PYTHON=/path/to/python3 book    chooses the Python
#   make PORT=9000 serve                 chooses the port
PYTHON ?=
PORT ?= 8000
VENV := .venv
RUN := $(VENV)/bin/python

include tools/environment.mk

.DEFAULT_GOAL := help
.PHONY: help book pdf lab serve test audit test-elsewhere certify sabotage bench notebooks check lint lock clean
.PHONY: setup setup-test

help:  ## say what can be made
	@echo "Entropy in Reinforcement Learning: the book and its package"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{printf "%-20s %s\n", $$1, $$2}'

setup:
	@PYTHON="$(PYTHON)" sh tools/setup.sh book

setup-test:
	@PYTHON="$(PYTHON)" sh tools/setup.sh test

book: setup  ## build the book in _build/html from the stored runs
	@$(RUN) tools/build_book.py

pdf: book  ## print the whole book into _build/pdf (needs Chromium)
	@$(RUN) tools/make_pdf.py

serve: book  ## show the book at http://127.0.0.1:8000 (PORT=9000 for another port)
	@echo "The book is at http://127.0.0.1:$(PORT) (Ctrl-C ends it)."
	@$(RUN) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: book  ## open the chapters in JupyterLab, their numbers and references filled in
	@$(RUN) -m jupyter trust _build/lab/*.ipynb > /dev/null
	@$(RUN) -m jupyter lab --LabApp.default_url=/lab/tree/_build/lab

test: setup-test book  ## test the package, run every notebook against its stored run, look into the built book
	@$(RUN) -m pytest

audit: setup-test book  ## the rest: pages in a browser, planted errors, the largest cases
	@$(RUN) -m pytest tests -m "browser or planted or slow"

certify: setup-test  ## check the proofs by two other provers, residues and Rocq (needs coq), with near misses
	@$(RUN) tools/certify.py

test-elsewhere: setup  ## compute tables, learners and solvers on other (emulated) processors and compare
	@$(RUN) tools/elsewhere.py

sabotage: setup  ## make each function wrong in turn and store which checks notice (CHAPTERS="03 11" some)
	@$(RUN) tools/sabotage.py $(CHAPTERS)

bench: setup-test  ## time the package against its peers
	@$(RUN) benchmarks/run.py

notebooks: setup  ## run the notebooks and store their outputs (NOTEBOOKS="03 11" some, STALE=1 those out of date)
	@$(RUN) tools/run_notebooks.py $(if $(STALE),--stale) $(NOTEBOOKS)

check: setup  ## run the checks of one statement again: make check LABEL=thm-covariance-identity
	@$(RUN) tools/check.py "$(LABEL)"

lint: setup-test  ## look at layout, style, types and the direction of imports
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --config pyproject.toml

PIN := $(VENV)/bin/uv pip compile pyproject.toml -q --universal --python-version 3.11 --generate-hashes

lock: setup  ## pin all packages anew from pyproject.toml (UPGRADE=1 to newer versions)
	@$(PIN) $(if $(UPGRADE),--upgrade) --custom-compile-command "make lock" --extra book -o requirements.txt
	@$(PIN) $(if $(UPGRADE),--upgrade) --custom-compile-command "make lock" --extra test --extra bench \
		-c requirements.txt -o requirements-test.txt

clean:  ## remove everything that was made here
	rm -rf _build build $(VENV) src/*.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis \
		.import_linter_cache
	find src tests tools book benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
