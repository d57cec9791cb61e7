PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV := $(shell command -v uv)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
RATE ?= 60
# Bytecode is kept: services, workers and tests start many processes of the same code.
unexport PYTHONDONTWRITEBYTECODE
# `make run TORCH=cpu`, with uv: torch without CUDA, 0.2 GB instead of 3 on Linux. A backend of `uv pip install`, or `default`.
TORCH ?=

.PHONY: help run stack check quick test all lint lock hooks bench system clean

help: ## Show what there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

run: system $(VENV)/.core ## Open the app, with a demo set when the workspace is empty
	$(BIN)/streamlit run app.py --server.port $(PORT)

stack: system $(VENV)/.core ## Run every service with generated shoppers (KAFKA=host:port, RATE=shoppers a minute)
	$(BIN)/python -m phantom_core stack --port $(PORT) --rate $(RATE) $(if $(KAFKA),--kafka $(KAFKA))

check: $(VENV)/.dev ## Style, types, contracts and the tests that are not slow
	$(MAKE) -j2 lint quick

test: system $(VENV)/.dev ## Style, types, contracts and every test, with the durations of the longest
	$(MAKE) -j2 lint all

# Many tests wait for other processes, so that three at a time keep two cores busy; numeric libraries get one thread each.
# A file stays in one process, which builds its workspaces once; tests/conftest.py puts those with slow tests first.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 25 --durations-min 1

quick: $(VENV)/.dev
	$(PYTEST) -m "not slow"

all: $(VENV)/.dev
	$(PYTEST)

lint: $(VENV)/.dev ## Style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Run the benchmarks and print their tables
	$(BIN)/python -m benchmarks.demo_difficulty
	$(BIN)/python benchmarks/features.py
	$(BIN)/python -m benchmarks.market
	$(BIN)/python -m benchmarks.multitask
	$(BIN)/python -m benchmarks.explain
	$(BIN)/python -m benchmarks.rules
	$(BIN)/python -m benchmarks.experiments
	$(BIN)/python -m benchmarks.online
	$(BIN)/python -m benchmarks.publishing

lock: $(VENV)/.dev ## Resolve the dependencies of pyproject.toml into uv.lock, and export the requirements from it
	$(BIN)/uv lock
	BIN=$(BIN) sh deploy/export_requirements.sh

hooks: $(VENV)/.dev ## Check style and types before every commit
	$(BIN)/pre-commit install

system: ## Graphviz and Chromium, where apt can install them
	@sh deploy/system_packages.sh

clean: ## Remove the environment and caches; the workspace stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis benchmarks/.data

$(VENV)/bin/python:
	$(if $(UV),$(UV) venv --quiet --seed --python 3.11 $(VENV),$(PYTHON) -m venv $(VENV))

# The same versions either way. With uv the hashes of uv.lock are checked as well.
define install
	$(if $(UV),\
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --locked --inexact --no-install-project $(foreach extra,$(2),--extra $(extra)) $(if $(TORCH),$(NO_CUDA)),\
	$(BIN)/pip install --quiet -r $(1))
	$(if $(and $(UV),$(TORCH)),\
	$(UV) pip install --quiet --python $(BIN)/python $(if $(filter-out default,$(TORCH)),--torch-backend $(TORCH)) -r $(1))
	@touch $@
endef
NO_CUDA = $(shell sed -nE 's/^name = "(torch|triton|(cuda|nvidia)-.*)"$$/--no-install-package \1/p' uv.lock)

$(VENV)/.core: requirements.txt uv.lock | $(VENV)/bin/python
	$(call install,requirements.txt)

$(VENV)/.dev: requirements-dev.txt requirements.txt uv.lock | $(VENV)/bin/python
	$(call install,requirements-dev.txt,dev)
	@touch $(VENV)/.core

$(VENV)/.spark: requirements-spark.txt uv.lock | $(VENV)/bin/python
	$(call install,requirements-spark.txt,spark)
