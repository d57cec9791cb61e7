PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
RATE ?= 60

.PHONY: help run stack test lint bench system clean

help: ## Show what there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

run: system $(VENV)/.core ## Open the app, with a demo set when the workspace is empty
	$(BIN)/streamlit run app.py --server.port $(PORT)

stack: system $(VENV)/.core ## Run every service with generated shoppers (KAFKA=host:port, RATE=shoppers a minute)
	$(BIN)/python -m phantom_core stack --port $(PORT) --rate $(RATE) $(if $(KAFKA),--kafka $(KAFKA))

test: system $(VENV)/.dev ## Lint, types, contracts and every test
	$(MAKE) lint
	$(BIN)/pytest -n 2 --dist loadfile

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

system: ## Graphviz and Chromium, where apt can install them
	@sh deploy/system_packages.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet -r requirements-dev.txt
	@touch $@ $(VENV)/.core

clean: ## Remove the environment and caches; the workspace stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis benchmarks/.data
