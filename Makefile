# Every target sets up what it needs by itself; only make and Python 3.11, 3.12 or 3.13 have to be there.
#   make PYTHON=/path/to/python3 book    chooses the Python
#   make PORT=9000 serve                 chooses the port
PYTHON ?=
PORT ?= 8000
VENV := .venv
RUN := $(VENV)/bin/python

# Repeatable runs: one thread a process, one hash seed, no window; nothing of the caller's Python leaks in.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export PYTHONHASHSEED := 0
export MPLBACKEND := agg
export IPYTHONDIR := $(CURDIR)/tools/ipython
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE PYTHONSAFEPATH PYTHONINSPECT

.DEFAULT_GOAL := help
.PHONY: help book pdf lab serve test certify bench notebooks check lint lock clean setup setup-test

help:  ## say what can be made
	@echo "Entropy in Reinforcement Learning: the book and its package"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{printf "%-18s %s\n", $$1, $$2}'

setup:
	@PYTHON="$(PYTHON)" sh tools/setup.sh book

setup-test:
	@PYTHON="$(PYTHON)" sh tools/setup.sh test

book: setup  ## run every notebook and build the book in _build/html
	@$(RUN) tools/build_book.py

pdf: book  ## print the whole book into _build/pdf (needs Chromium)
	@$(RUN) tools/make_pdf.py

serve: book  ## show the book at http://127.0.0.1:8000 (PORT=9000 for another port)
	@echo "The book is at http://127.0.0.1:$(PORT) (Ctrl-C ends it)."
	@$(RUN) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: setup  ## open the chapters in JupyterLab
	@$(RUN) -m jupyter lab notebooks

test: setup-test book  ## run all tests: package, notebooks against their stored outputs, built book
	@$(RUN) -m pytest

certify: setup  ## check the proofs by two other provers: residues, and Rocq (needs coq)
	@$(RUN) tools/certify.py

bench: setup-test  ## time the package against its peers
	@$(RUN) benchmarks/run.py

notebooks: setup  ## run every notebook and store its outputs
	@$(RUN) tools/run_notebooks.py

check: setup  ## run the checks of one statement again: make check LABEL=thm-covariance-identity
	@$(RUN) tools/check.py "$(LABEL)"

lint: setup-test  ## look for faults of style in the Python code
	@$(RUN) -m ruff check .

lock:  ## pin the requirements anew (needs uv)
	@command -v uv >/dev/null || { echo "error: uv is missing; install it with: pip install uv" >&2; exit 1; }
	uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes -o requirements.txt
	uv pip compile requirements-test.in --universal --python-version 3.11 --generate-hashes -o requirements-test.txt

clean:  ## remove everything that was made here
	rm -rf _build $(VENV) src/*.egg-info .pytest_cache .ruff_cache .hypothesis
	find src tests tools book benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
