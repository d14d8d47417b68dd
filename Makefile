# make demo   the whole system with simulated trucks       make test   all tests that need no other server
# make up     the system for real use                      make bench  every benchmark
# ARGS="..." passes words on: make demo ARGS="--duration 60 --no-browser"

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: demo up test install page bench check wheel integration lock clean
.DEFAULT_GOAL := demo

demo: install
	@$(BIN)/corridor demo $(ARGS)

up: install
	@$(BIN)/corridor up $(ARGS)

test: install
	@$(BIN)/python -m pytest -m "not integration" $(ARGS)

integration: install
	@$(BIN)/python -m pytest -m integration $(ARGS)

bench: install
	@$(BIN)/python -m bench $(ARGS)

check: install
	@echo "== ruff";        $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy";        $(BIN)/mypy
	@echo "== import-linter"; $(BIN)/lint-imports
	@echo "== page";        PATH="$(CURDIR)/$(BIN):$$PATH" deploy/node.sh npm test --prefix web --silent

wheel: install
	@deploy/try-wheel.sh

install: .venv/.installed page

page: api/web/dist/.built

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python too old: got $$($(PYTHON) -V 2>&1), want 3.11 or newer; try make PYTHON=python3.12" >&2; exit 2; }
	@echo "setting up Python packages (once) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar off -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

api/web/dist/.built: $(shell find web/src web/*.* geofences/data -type f -not -name '*.py' -not -path '*/node_modules/*') | .venv/.installed
	@echo "building the page (once) ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" deploy/node.sh npm ci --prefix web --silent --no-audit --no-fund
	@PATH="$(CURDIR)/$(BIN):$$PATH" deploy/node.sh npm run build --prefix web --silent
	@touch $@

lock: .venv/.installed
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --no-header --no-emit-index-url --quiet -o requirements.lock

clean:
	rm -rf .venv api/web/dist web/node_modules
