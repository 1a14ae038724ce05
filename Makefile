# Each target makes .venv first where it is missing or older than pyproject.toml or constraints.txt.
# PYTHON=python3.12 make test    picks another interpreter for a new .venv
# WORKERS=4 make test            runs the tests in four processes

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt
IN_PARALLEL = -n $(WORKERS) --dist worksteal
# BLAS threads that wait for each other in every process are slower than one thread a process.
export OPENBLAS_NUM_THREADS ?= 1
RUNTIME := $(VENV)/.runtime-installed
TEST := $(VENV)/.test-installed
NOTEBOOKS := $(VENV)/.notebooks-installed

.PHONY: help demo test test-slow test-browser coverage test-all mutants lint types clean
.NOTPARALLEL:

help:
	@echo "make demo       certify k-hop on 8,192 tokens, k = 16, with one head"
	@echo "make test       every test but the slow ones and those in a browser"
	@echo "make test-slow  the slow tests only"
	@echo "make test-browser  those that drive Chromium; skipped where there is none"
	@echo "make coverage   lines that a fixed tenth of the tests reaches, without compilation"
	@echo "make test-all   every test"
	@echo "make mutants    named faults in a copy, and whether the tests notice them"
	@echo "make lint       ruff: rules and format"
	@echo "make types      mypy, strict"
	@echo "make clean      remove caches and build products, keep .venv"

demo: $(RUNTIME)
	$(BIN)/anna-mpc certify k-hop --n 8192 --k 16 --tokens-per-machine all

test: $(TEST)
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow and not browser"

test-slow: $(TEST)
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "slow and not browser" || [ $$? -eq 5 ]  # 5: there is none

test-browser: $(NOTEBOOKS)
	$(BIN)/python -m pytest -m browser || [ $$? -eq 5 ]  # 5: there is none

coverage: $(TEST)
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m coverage run --source=mpc_sim,anna_model,reductions \
	    -m pytest --tenth -m "not slow and not browser" -k "not test_examples" --ignore=tests/house
	$(BIN)/python -m coverage report --omit='*/kernels/*' --precision=2

test-all: $(TEST)
	$(BIN)/python -m pytest $(IN_PARALLEL)

mutants: $(TEST)
	$(BIN)/python -m tests.mutants

lint: $(TEST)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(TEST)
	$(BIN)/python -m mypy

clean:
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage htmlcov
	find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -print \
	    | xargs rm -rf

define make_venv
@echo "installing into $(VENV)"
@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
endef

$(RUNTIME): pyproject.toml constraints.txt
	$(make_venv)
	@$(PIP_INSTALL) -e .
	@touch $@

$(TEST): pyproject.toml constraints.txt
	$(make_venv)
	@$(PIP_INSTALL) -e '.[test]'
	@touch $@ $(RUNTIME)

$(NOTEBOOKS): pyproject.toml constraints.txt
	$(make_venv)
	@$(PIP_INSTALL) -e '.[notebooks,test]'
	@touch $@ $(RUNTIME) $(TEST)
