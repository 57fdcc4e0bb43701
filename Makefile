# Each target sets up what it needs: `make run` and `make test` work from a bare checkout.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: setup run test slow services lint ui bench

.venv/.ready: pyproject.toml constraints.txt
	@echo "setting up .venv: minutes, most of them silent"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq -c constraints.txt -e '.[dev]'
	touch $@

setup: .venv/.ready

run: setup  ## train the default experiment, e.g. make run ARGS='--rs 2'
	$(BIN)/python -m experiments.heg3d $(ARGS)

test: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal

slow: setup  ## physics to convergence, an hour or more
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -m 'hypothesis and not slow' --thorough

services: setup  ## on PostgreSQL, an MLflow server and Chromium, where they are installed
	$(BIN)/python -m pytest -m 'services and not slow'

lint: setup
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/pyright

ui: setup
	$(BIN)/python -m vfe_lightning ui

bench: setup
	$(BIN)/python -m benchmarks.electron_gas
	$(BIN)/python -m benchmarks.spins
	$(BIN)/python -m benchmarks.circuit
	$(BIN)/python -m benchmarks.fields
	$(BIN)/python -m benchmarks.hydrogen
	$(BIN)/python -m benchmarks.tracking
