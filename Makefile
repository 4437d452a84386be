# The project's commands. Everything is installed into $(VENV); nothing outside this folder is changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
PYTEST_ARGS ?=
BENCH_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Six real Sentinel-1 patches come inside this wheel; --no-deps leaves the rest of what it wants alone.
EXAMPLES := $(VENV)/examples/bigearthnet_common-2.8.0-py3-none-any.whl

export PYTHONUNBUFFERED := 1

.PHONY: help demo test lint bench clean

help: ## Show the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/base.stamp $(EXAMPLES) ## Translate real Sentinel-1 scenes and show what came out, in ./demo.
	@$(BIN)/python -m geosar.demo $(DEMO) --examples $(EXAMPLES)

test: $(VENV)/all.stamp ## Run all tests; with GEOSAR_DATA set, those on real scenes too.
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/all.stamp ## Check style, formatting and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/bench.stamp ## Measure speed and memory again; needs GEOSAR_DATA.
	@$(BIN)/python benchmarks/speed.py $(BENCH_ARGS)

clean: ## Remove the environment, the demo's results and all caches.
	rm -rf $(VENV) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

# The base alone: what it takes to translate. No PyTorch.
$(VENV)/base.stamp: pyproject.toml | $(VENV)/bin/python
	@echo "Installing geosar into $(VENV) (about half a minute) ..."
	@$(PIP) install --quiet --editable .
	@touch $@

# With the laboratory (PyTorch) and the tests.
$(VENV)/all.stamp: pyproject.toml | $(VENV)/bin/python
	@echo "Installing geosar with the training and test tools into $(VENV) (a minute or two) ..."
	@$(PIP) install --quiet --editable ".[train,test]"
	@touch $@

$(VENV)/bench.stamp: $(VENV)/all.stamp
	@$(PIP) install --quiet --editable ".[train,test,bench]"
	@touch $@

$(EXAMPLES): | $(VENV)/bin/python
	@echo "Fetching the example scenes (7 MB) ..."
	@$(PIP) download --quiet --no-deps --dest $(@D) bigearthnet-common==2.8.0

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON). On Debian or Ubuntu: sudo apt-get install -y python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "geosar needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make environments. On Debian or Ubuntu: sudo apt-get install -y python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
