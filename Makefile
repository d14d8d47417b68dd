# make demo   the whole system with simulated trucks       make test   all tests that need no other server
# make up     the system for real use                      make bench  every benchmark
# make servers            real Kafka, Mosquitto, InfluxDB for the tests (builds: minutes, once)
# make test-distributed   the tests that run against them; make test-long: all, at length
# ARGS="..." passes words on: make demo ARGS="--duration 60 --no-browser"

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: demo up test install bench check wheel integration servers test-distributed test-long test-laws lock clean
.DEFAULT_GOAL := demo

demo: install
	@$(BIN)/corridor demo $(ARGS)

up: install
	@$(BIN)/corridor up $(ARGS)

test: install
	@$(BIN)/python -m pytest -m "not integration and not distributed" $(ARGS)

integration: install
	@$(BIN)/python -m pytest -m integration $(ARGS)

servers:
	@$(PYTHON) deploy/servers/make.py $(ARGS)

test-distributed: install
	@$(BIN)/python -m pytest -m "distributed and not long" $(if $(findstring tests/,$(ARGS)),,tests/distributed) $(ARGS)

STORM := $(BIN)/python -m pytest -s tests/distributed/test_storm.py

# an hour: many faults with long outages; its newest result stands in docs/failures.md
test-long: install
	@FAULTS=50 OUTAGE_S=60 KILLS=20 PAUSE_S=60 $(BIN)/python -m pytest -m distributed tests/distributed -s $(ARGS)
	@FAULTS=1 OUTAGE_S=300 ONLY="InfluxDB away" $(STORM)
	@FAULTS=12 ONLY="a third worker" $(STORM)

# hours: ten thousand cases of every law
test-laws: install
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest --timeout=36000 tests/property $(ARGS)

bench: install
	@$(BIN)/python -m bench $(ARGS)

check: install
	@echo "== ruff";          $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy";          $(BIN)/mypy
	@echo "== import-linter"; $(BIN)/lint-imports
	@echo "== page";          PATH="$(CURDIR)/$(BIN):$$PATH" npm test --prefix web --silent

wheel: install
	@deploy/try-wheel.sh

install:
	@$(PYTHON) deploy/install.py

lock: install
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --no-header --no-emit-index-url --quiet -o requirements.lock

clean:
	rm -rf .venv api/web/dist web/node_modules
