# Everything a checkout can do. Needs Debian 12 or newer (or another Linux with Python 3.11+) and make; as root, missing
# Debian packages are installed.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.complete
PIP := $(PY) -m pip install -qq --disable-pip-version-check
PORT ?= 8080
AUTO ?=
PROCESSES ?= 4

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup desktop demo test test-unit bench races ears mutate lint lock docs clean limits

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Prepare the Python environment in .venv; done by the others where needed
	@:

# The stamp is the last step: without it, or with a newer lock file, everything is looked at again. Python compiles what it
# runs by itself; compiling all at once would take a third of the time.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			|| { echo 'Python 3.11 or newer with venv is missing. As root: apt-get install python3-venv' >&2; exit 1; }; \
		echo 'installing the Debian package python3-venv'; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends python3-venv >/dev/null; }
	@echo 'preparing $(VENV) (once, about a minute)'
	@[ -x $(PY) ] || $(PYTHON) -m venv $(VENV)
	@$(PIP) --no-compile --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# The pages that browsers get. Node is in the Python environment; `npm ci` installs exactly what package-lock.json names.
DESKTOP := telephony/desktop
PAGES := $(DESKTOP)/dist/index.html
MODULES := $(DESKTOP)/node_modules/.complete
NODE := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

desktop: $(PAGES) ## Build the pages for the browser; done by the others where sources changed
	@:

$(MODULES): $(STAMP) $(DESKTOP)/package-lock.json $(DESKTOP)/.npmrc
	@echo 'preparing the tools for the pages (once, some seconds)'
	@cd $(DESKTOP) && $(NODE) npm ci --loglevel=error
	@touch $@

$(PAGES): $(MODULES) $(DESKTOP)/index.html $(DESKTOP)/vite.config.ts $(shell find $(DESKTOP)/src $(DESKTOP)/public -type f)
	@cd $(DESKTOP) && $(NODE) npm run --silent build -- --logLevel warn
	@touch $@

demo: $(STAMP) $(PAGES) ## Asterisk, simulated customers, softphones and the service here; AUTO=1 plays the agents, PORT=8080
	@exec $(VENV)/bin/telephony demo --port $(PORT) $(if $(AUTO),--auto)

# Real calls mostly wait, so a few processes side by side halve the time even on two cores. A file stays in one of them, for
# the Asterisk it shares; in tests/conftest.py's order.
SIDE_BY_SIDE := --numprocesses=$(PROCESSES) --dist=loadfile --no-loadscope-reorder

# After the others and never beside them: a Chromium takes a core whenever it draws, and sound that is late on its way is no
# longer what a machine detection or a recording is tried with. Two processes take pictures at first, the third one waits.
BROWSERS := --numprocesses=3 --dist=loadfile --no-loadscope-reorder

test: $(STAMP) $(PAGES) ## All tests: units, a real Asterisk, a real browser, and the containers where a Docker engine answers
	@$(PY) -m pytest -m 'unit or asterisk or compose' $(SIDE_BY_SIDE)
	@$(PY) -m pytest -m browser $(BROWSERS)

test-unit: $(STAMP) $(PAGES) ## Only the tests that need nothing but this process and a database
	@exec $(PY) -m pytest -m unit $(SIDE_BY_SIDE)

bench: $(STAMP) $(PAGES) ## Measure: accept to INVITE, cost of a call, event to screen, a reload in a call
	@exec $(PY) -m tests.bench

races: $(STAMP) ## Race every two actions on a real Asterisk over all their distances (about an hour)
	@exec $(PY) -m tests.races

ears: $(STAMP) ## Try the beep finder on generated beeps and on speech; writes tests/ears/RESULTS.md
	@exec $(PY) -m tests.ears --write

limits: $(STAMP) ## A thousand accepts through a limit of fifty in each mode, counted from outside (four minutes)
	@exec $(PY) -m tests.limits

mutate: $(STAMP) ## Seed faults into the rules, one at a time, and count those the tests catch
	@exec $(PY) -m tests.mutations

lint: $(MODULES) ## ruff and mypy; tsc and biome for the pages
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy
	@$(PY) -m telephony.web.openapi >$(DESKTOP)/.openapi.json
	@cd $(DESKTOP) && $(NODE) npm run --silent types && $(NODE) npm run --silent check

# No registry's address gets into the files, so that they work with every mirror.
UV_COMPILE = $(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet

lock: $(STAMP) ## Pin all dependencies to what is newest now
	@$(PIP) uv
	@$(UV_COMPILE) --upgrade --extra dev -o requirements.lock
	@$(UV_COMPILE) --extra build -c requirements.lock -o docker/service/requirements.lock

docs: $(STAMP) ## Write the tables of states and reason codes: STATES.md and REASONS.md in telephony/model
	@$(PY) -m telephony.model.diagram --write
	@$(PY) -m tests.reasons

clean: ## Remove the environment and what tools left behind; what is built once for all checkouts stays
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -rf $(DESKTOP)/node_modules $(DESKTOP)/dist $(DESKTOP)/src/schema.d.ts $(DESKTOP)/.openapi.json
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
