# Every target makes what it needs: a fresh machine wants Python 3.11+ (with venv) and make.
# Set-up chatter goes to stderr, so `make demo ARGS="--exit --json"` prints only the program.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
UV_VERSION := 0.13.8
ARGS ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-slow test-all mutants check docs bench lock clean
.SILENT:

help:  ## Show this list
	awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(PY):
	$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Vigil needs Python 3.11 or newer; this is %d.%d. Name another: make PYTHON=/path/to/python3" % v[:2])' >&2
	$(PYTHON) -m venv $(VENV) >&2

# Two stamps in one environment: the demo need not wait for the development tools.
$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(PY)
	echo "Installing Vigil's dependencies into $(VENV) ..." >&2
	$(PIP) install --quiet --require-hashes -r requirements/runtime.lock >&2
	$(PIP) install --quiet --no-deps --no-build-isolation -e . >&2
	touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.runtime
	echo "Installing the development tools into $(VENV) ..." >&2
	$(PIP) install --quiet --require-hashes -r requirements/dev.lock >&2
	touch $@

setup: $(VENV)/.dev  ## Install everything, pinned and hashed, into .venv

demo: $(VENV)/.runtime  ## Replay a real trial through all services (ARGS="--exit --json")
	$(BIN)/vigil demo $(ARGS)

serve: $(VENV)/.runtime  ## Run all services in one process with an embedded database
	$(BIN)/vigil serve $(ARGS)

test: $(VENV)/.dev  ## Run the tests, with a real Kafka where there is one
	echo "Left out because they are slow: the chaos and the browser tests (make test-slow)."
	$(PY) -m pytest -m "not chaos and not chromium" $(PYTEST_ARGS)

test-slow: $(VENV)/.dev  ## The chaos tests with every seed, a real browser, many histories
	VIGIL_ALL_SEEDS=1 $(PY) -m pytest -m "chaos or chromium" $(PYTEST_ARGS)
	VIGIL_HISTORIES=400 $(PY) -m pytest tests/clinical/test_histories.py $(PYTEST_ARGS)

mutants: $(VENV)/.dev  ## Would the tests notice? Wrong turns in the clinical core, one at a time
	$(PY) -m tests.mutants $(ARGS)

test-all: test test-slow  ## Both

check: $(VENV)/.dev  ## Format, lint, types, import rules, architecture, published schemas
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary shared services tests deploy $(if $(wildcard bench/*.py),bench)
	$(BIN)/lint-imports
	$(PY) -m shared.contracts.schemas --check
	$(PY) -m pytest -q tests/architecture tests/deploy/test_compose.py

docs: $(VENV)/.dev  ## Run the examples in the documentation
	$(PY) -m pytest -q tests/architecture/test_documents.py $(wildcard tests/docs) $(PYTEST_ARGS)

bench: $(VENV)/.dev  ## Measure against bare baselines in the same run
	$(PY) -m bench $(ARGS)

# Resolves for every platform at once and names no package index. UPGRADE=--upgrade renews all.
lock: $(VENV)/.dev  ## Renew requirements/*.lock from pyproject.toml (UPGRADE=--upgrade)
	$(BIN)/uv --version >/dev/null 2>&1 || $(PIP) install --quiet uv==$(UV_VERSION) >&2
	$(BIN)/uv pip compile pyproject.toml --extra build $(UPGRADE) $(LOCK_OPTIONS) -o requirements/runtime.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev --extra simulation --extra chat --extra oidc $(UPGRADE) $(LOCK_OPTIONS) -c requirements/runtime.lock -o requirements/dev.lock

LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

clean:  ## Remove the environment, caches and what running Vigil left behind
	rm -rf $(VENV) .vigil vigil-data .kafka .coverage .coverage.* htmlcov build dist *.egg-info \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
