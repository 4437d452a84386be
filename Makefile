# The project's commands. Everything is installed into $(VENV); nothing outside this folder is changed, but for
# `make system`, which installs Debian packages and so needs root (`make test` calls it only where it is root).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
PYTEST_ARGS ?=
SIDE_BY_SIDE ?= -n auto --maxprocesses 4 --dist loadfile
KILLS ?= 1000
FUZZ ?= 3600
FUZZ_FILES ?= 0
QGIS_PYTHON ?= /usr/bin/python3
BENCH_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Six real Sentinel-1 patches come inside this wheel; --no-deps leaves the rest of what it wants alone.
EXAMPLES := $(VENV)/examples/bigearthnet_common-2.8.0-py3-none-any.whl

export PYTHONUNBUFFERED := 1

# Programs that tests drive, and the Debian packages that they come in.
PROGRAMS := chromium:chromium nginx:nginx-light qgis:qgis,python3-qgis,python3-venv xvfb-run:xvfb,xauth openssl:openssl

.PHONY: help demo test test-qgis qgis-plugin lint kills fuzz confined firefox docs notebooks bench lock system clean

help: ## Show the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/base.stamp $(EXAMPLES) ## Translate real Sentinel-1 scenes into ./demo, and serve the map until Ctrl-C.
	@$(BIN)/python -m geosar_tiler.demo $(DEMO) --examples $(EXAMPLES)

test: system $(VENV)/all.stamp ## Run all tests; with GEOSAR_DATA set, those on real scenes too.
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGS)
	@if $(QGIS_PYTHON) -c 'import qgis.core' 2>/dev/null; then $(MAKE) --no-print-directory test-qgis; \
	  else echo "The tests inside QGIS were left out: QGIS is not installed (sudo make system)." >&2; fi

test-qgis: system $(VENV)/all.stamp $(VENV)/qgis.stamp ## Run the tests inside QGIS; needs QGIS and Xvfb.
	@GEOSAR_PYTHON=$(abspath $(BIN)/python) $(VENV)/qgis/bin/python tests/qgis_plugin/in_qgis/run.py $(PYTEST_ARGS)

qgis-plugin: | $(VENV)/bin/python ## Build the zip of the QGIS plugin, in ./dist.
	@$(BIN)/python qgis_plugin/build_zip.py --out dist

kills: $(VENV)/all.stamp ## Kill service and translations KILLS times (1000) at random moments, and at every write; hours.
	@GEOSAR_KILLS=$(KILLS) GEOSAR_KILLS_EVERY=1 $(BIN)/python -m pytest tests/system/test_kills.py \
	  tests/system/test_kill_points.py tests/geosar/translation/test_translate_resume.py $(PYTEST_ARGS)

fuzz: $(VENV)/all.stamp ## Odd requests and odd files for FUZZ seconds (3600) each; of files FUZZ_FILES at least.
	@GEOSAR_FUZZ_SECONDS=$(FUZZ) GEOSAR_FUZZ_FILES=$(FUZZ_FILES) $(BIN)/python -m pytest tests/system/attack/test_fuzz_requests.py \
	  tests/system/attack/test_fuzz_openings.py $(PYTEST_ARGS)

confined: $(VENV)/all.stamp ## Run the service's tests as its container runs: no network, a read-only root, bounded memory.
	@.ci/confined $(BIN)/python -m pytest -p no:cacheprovider tests/tiler tests/system $(PYTEST_ARGS)

firefox: $(VENV)/all.stamp ## Run the tests of the web map in an installed Firefox (firefox-esr) instead of Chromium.
	@GEOSAR_BROWSER=firefox $(BIN)/python -m pytest tests/webmap -m "not chromium" $(PYTEST_ARGS)

lint: $(VENV)/all.stamp ## Check style, formatting and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

system: ## Install what the browser, QGIS and proxy tests drive (Debian or Ubuntu, as root).
	@wanted=; for pair in $(PROGRAMS); do \
	  command -v "$${pair%%:*}" >/dev/null || wanted="$$wanted $${pair#*:}"; done; \
	wanted=$${wanted//,/ }; \
	if [ -z "$$wanted" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "Not installed:$$wanted. Tests that need these are skipped; sudo make system installs them." >&2; exit 0; fi; \
	echo "Installing$$wanted (a minute or two) ..."; \
	apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$wanted >/dev/null

docs: $(VENV)/docs.stamp ## Build the manual as a site, in build/docs, which opens from there.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Open build/docs/index.html in a browser."

notebooks: $(VENV)/all.stamp ## Run the manual's notebooks anew, and store what they show.
	@$(BIN)/python docs/site/notebooks.py

bench: $(VENV)/bench.stamp ## Measure speed and memory again; needs GEOSAR_DATA.
	@$(BIN)/python benchmarks/speed.py $(BENCH_ARGS)

lock: | $(VENV)/bin/python ## Choose the versions in requirements.lock anew: the newest that go together.
	@$(PIP) install --quiet uv
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --custom-compile-command "make lock" \
	  --python-version 3.11 --python-platform linux --extra postgresql --output-file requirements.lock pyproject.toml

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

# QGIS's own Python, with the tools of its tests beside it.
$(VENV)/qgis.stamp: tests/qgis_plugin/in_qgis/requirements.txt | $(VENV)/bin/python system
	@$(QGIS_PYTHON) -c 'import qgis.core' 2>/dev/null || { \
	  echo "QGIS is missing for $(QGIS_PYTHON). On Debian or Ubuntu: sudo make system" >&2; exit 1; }
	@$(QGIS_PYTHON) -m venv --system-site-packages $(VENV)/qgis
	@$(VENV)/qgis/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
	  -r tests/qgis_plugin/in_qgis/requirements.txt
	@touch $@

$(VENV)/bench.stamp: $(VENV)/all.stamp
	@$(PIP) install --quiet --editable ".[train,test,bench]"
	@touch $@

$(VENV)/docs.stamp: pyproject.toml | $(VENV)/bin/python
	@$(PIP) install --quiet --editable ".[docs]"
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
