# Every target builds .venv by itself and does nothing about it when it is current.
# Needed on the machine: Python 3.11 or newer, git and make.

MAKEFLAGS += --no-print-directory --no-builtin-rules --silent
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.current
OUT    ?= out/balanced_market
ARGS   ?=
JOBS   ?= 2
# Compiled code is invisible to coverage, so these run once more with the kernel as plain Python.
INTERPRETED := $(wildcard tests/test_cases_*.py tests/test_original_defects.py)
# CI also runs the slow tests that are bounded to about a minute.
SELECT := $(if $(CI),not slow or ci,not slow)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(PIP_CONSTRAINT)

.PHONY: help venv run test slow bench check lint format docs notebooks clean

help: ## show what can be made
	awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

venv: $(STAMP) ## build .venv

$(STAMP): pyproject.toml constraints.txt
	python=; for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "make: Python 3.11 or newer is needed" >&2; exit 1; fi; \
	echo "building $(VENV) with $$($$python --version), once, about a minute" >&2; \
	$(BIN)/python -c '' 2>/dev/null || $$python -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --quiet --editable '.[dev]'
	touch $@

run: $(STAMP) ## simulate an hour of a realistic market and write its report (OUT=folder)
	$(BIN)/mexchange run balanced_market --for 1h --out $(OUT) $(ARGS)

test: check ## everything that must pass: format, lint, types, tests, coverage
	$(BIN)/python -c "from mexchange.cli.output import announce_compilation as a; a()"
	$(BIN)/python -m pytest -q -n $(JOBS) -m "$(SELECT)" --cov --cov-report= $(ARGS)
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q -m "not slow" --cov --cov-append \
	  --cov-report=term --cov-fail-under=90 $(INTERPRETED)

slow: $(STAMP) ## the long tests: millions of random commands, whole recorded days
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -q -m slow $(ARGS)

notebooks: $(STAMP) ## run the notebooks and save them with pictures (needs Chromium)
	$(BIN)/python notebooks/render.py $(ARGS)

bench: $(STAMP) ## how fast the engine and strategies are on this machine
	$(BIN)/mexchange bench engine $(ARGS)
	$(BIN)/mexchange bench strategy

check: lint ## format, lint and types, without the tests
	$(BIN)/python -m mypy

lint: $(STAMP) ## format and lint, changing nothing
	$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }
	$(BIN)/ruff check --quiet .

format: $(STAMP) ## format the code and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

docs: $(STAMP) ## run every example of README.md, docs/ and the docstrings
	$(BIN)/python -m pytest -q tests/test_docs.py $(ARGS)

clean: ## remove .venv, caches and out/
	rm -rf $(VENV) out dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
