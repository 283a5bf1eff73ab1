# What a person runs. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup check test test-harnesses test-browser day demo bench pictures tools clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do printf '  make %-14s %s\n' "$$name" "$$what"; done

setup: tools $(VENV)/.dev ## Make .venv with everything that development needs

demo: tools $(VENV)/.run ## Everything at work in a scratch project; without a terminal it runs with --yes
	@$(BIN)/loop demo

check: tools $(VENV)/.dev ## Format, lint, types, import contracts, unit and contract tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -m "not flow and not real"

test: tools $(VENV)/.dev ## Every test, the flows in real tmux included
	$(BIN)/pytest -q -m "not real"

# HARNESSES holds the agent programs, each package in a folder of its own; INSTALL=1 installs from npm what is not
# there. SIZE is that of the lanes.
HARNESSES ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/loop-orchestrator/harnesses
SIZE ?= 120x40
test-harnesses: tools $(VENV)/.dev ## Drive real agent programs against a model service on this machine; INSTALL=1 fetches them
	HARNESSES_DIR="$(HARNESSES)" HARNESSES_INSTALL="$(INSTALL)" HARNESSES_SIZE="$(SIZE)" $(BIN)/pytest -q -n 2 --dist loadgroup tests/real

# CHROMIUM names the browser where it stands under no usual name.
test-browser: tools $(VENV)/.browser ## See `loop deck --serve` in headless Chromium, which has to be installed
	CHROMIUM="$(CHROMIUM)" $(BIN)/pytest -q -rs -n 2 tests/flows/test_deck_browser.py

day: tools $(VENV)/.dev ## Play a recorded day of 500 events against the real daemon, in some two minutes
	LOOP_WHOLE_DAY=1 $(BIN)/pytest -q -n 0 tests/flows/test_day.py

bench: tools $(VENV)/.dev ## Measure, with the bare limit beside every figure
	$(BIN)/python -m benchmarks

pictures: tools $(VENV)/.dev ## Make the pictures of the README: of a real run, and of the deck
	$(BIN)/python -m docs.draw

clean: ## Remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.browser: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[browser]'
	@touch $@

# tmux is the one thing that no Python package brings. INSTALL=1, or CI=true as root, installs it.
ifeq ($(shell command -v brew >/dev/null 2>&1 && echo brew),brew)
INSTALL_TMUX := brew install tmux
else
INSTALL_TMUX := $(if $(filter 0,$(shell id -u)),,sudo )sh -c 'apt-get update && apt-get install -y tmux'
endif
MAY_INSTALL := $(or $(INSTALL),$(if $(filter true,$(CI)),$(filter 0,$(shell id -u))))

tools:
	@command -v git >/dev/null || { echo "git is needed" >&2; exit 2; }
	@command -v tmux >/dev/null || { \
	  if [ -n "$(MAY_INSTALL)" ]; then $(INSTALL_TMUX); \
	  else echo "tmux 3.3 or newer is needed. Install it, or let make do it: make INSTALL=1 $(MAKECMDGOALS)" >&2; \
	       echo "  $(INSTALL_TMUX)" >&2; exit 2; fi; }
