# Two commands matter: `make run` and `make test`. `make help` lists the others.

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
LOCK := uv --quiet pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	--custom-compile-command "make lock"
# What `make lock` resolves with. Nothing else needs it.
UV := uv==0.13.9

# An environment whose Python has been removed from the machine is no environment.
GONE := $(shell [ -x $(PYTHON) ] || rm -rf $(VENV))

export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint sdl bench bench-peers acceptance lock clean

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

run: $(VENV)/run  ## Serve the CRM with demo data at http://127.0.0.1:8000/graphql
	@exec $(PYTHON) -m core serve --dev

test: $(VENV)/test  ## Run all tests on SQLite and on PostgreSQL; `make test ARGS="-k contact"` chooses
	@exec $(PYTHON) -m tests $(ARGS)

equality: $(VENV)/test  ## Compare the two roads to an answer by 10,000 random operations on each database; `make equality CASES=500` by others
	@EQUALITY_CASES=$(or $(CASES),10000) exec $(PYTHON) -m tests tests/equality $(ARGS)

lint: $(VENV)/test  ## Check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pyright --pythonpath $(PYTHON) --warnings

sdl: $(VENV)/run  ## Write the published GraphQL schemas anew, after a change that is meant
	@exec $(PYTHON) -m schema

bench: $(VENV)/test  ## Measure the server
	@exec $(PYTHON) -m benchmarks $(ARGS)

bench-peers: $(VENV)/test  ## Measure the server beside its peers, for an hour; `make bench-peers ARGS=--quick` for a glance
	@exec $(PYTHON) -m benchmarks.peers $(ARGS)

acceptance: $(VENV)/run  ## Import a published practice set, `make acceptance DATA=folder GOLDEN=numbers.json`, and check what the server says
	@exec $(PYTHON) examples/crm/acceptance.py $(DATA) $(GOLDEN)

lock: $(VENV)/lock/bin/uv  ## Choose the newest versions that pyproject.toml allows, and write them down
	cd $(CURDIR) && $(VENV)/lock/bin/$(LOCK) --upgrade --group build -o requirements.lock
	cd $(CURDIR) && $(VENV)/lock/bin/$(LOCK) --upgrade --group dev -c requirements.lock -o requirements-dev.lock
	@! grep -nE '://|^-|^ *file:|/' requirements.lock requirements-dev.lock || { echo 'A lock names an address or a path.'; exit 1; }

clean:  ## Remove the environment and all that was made; the database in var/ stays
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is older than what it was made from only if that has changed: so a second `make run` installs nothing.

$(VENV)/bin/python:
	@set -e; for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
		$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "Making $(VENV) with $$($$python --version) ..."; \
		$$python -m venv --clear $(VENV); \
		exit 0; \
	done; \
	echo 'Payvand needs Python 3.11 or newer with its module venv (on Debian and Ubuntu: apt install python3-venv).' >&2; \
	exit 1

$(VENV)/run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo 'Installing what requirements.lock names ...'
	@$(PIP) install --require-hashes -r requirements.lock
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/test: requirements-dev.lock $(VENV)/run
	@echo 'Installing what requirements-dev.lock names ...'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/lock/bin/uv: | $(VENV)/bin/python
	@$(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install '$(UV)'
