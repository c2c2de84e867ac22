# The daily commands. Each sets up what it needs in .venv and says so; each can be run again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test chaos parity lint format lock licences supply docs clean hostile fuzz check-arm bench powercut

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-9s %s\n", $$1, $$2}'

demo: $(VENV)/.installed ## Index the sample photos and ask for some
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/demo.sh

test: $(VENV)/.test ## Run the test suite, all but parity
	$(BIN)/python -m pytest -m "not parity" --numprocesses auto

chaos: $(VENV)/.test ## Let an actor do its worst to the daemon for ten minutes (SECONDS=..., SEED=...)
	$(BIN)/python -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

powercut: $(VENV)/.test ## Cut the power under the index two thousand times (CUTS=..., SEED=...)
	$(BIN)/python -m tests.powercut $(if $(CUTS),--cuts $(CUTS)) $(if $(SEED),--seed $(SEED))

hostile: $(VENV)/.test ## Read twenty thousand hostile photos (FILES=..., SEED=...)
	$(BIN)/python -m tests.hostile $(if $(FILES),--files $(FILES)) $(if $(SEED),--seed $(SEED))

fuzz: $(VENV)/.fuzz ## Fuzz the reading of photos, each target for five minutes (SECONDS=...)
	@for target in decode facts raw; do \
	  $(BIN)/python -m tests.fuzz $$target $(if $(SECONDS),--seconds $(SECONDS)) || exit; done

bench: $(VENV)/.test ## Measure how fast everything is, against baselines of the same run (THOROUGH=1, ONLY=...)
	$(BIN)/python -m bench $(if $(THOROUGH),--thorough) $(if $(ONLY),--only $(ONLY)) $(if $(SAVE),--save $(SAVE))

parity: $(VENV)/.parity ## Compare embeddings with those of the reference implementation
	$(BIN)/python -m pytest -m parity

lint: $(VENV)/.lint ## Check format, style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.lint ## Put the code into the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check-arm: $(VENV)/.test ## Check all locked wheels for aarch64 with 16 KiB pages, and run photond there, emulated
	$(BIN)/python tools/arm/wheels.py --cache .arm/wheels
	@# 3 says that it cannot run here, which is no fault.
	@$(BIN)/python -m tools.arm.emulate; status=$$?; test $$status = 0 || test $$status = 3

lock: $(VENV)/bin/python ## Choose the newest versions that pyproject.toml allows, for requirements.lock
	@$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --extra quantize --extra export --no-emit-index-url --no-header --no-annotate --output-file requirements.lock \
	  pyproject.toml

licences: $(VENV)/.supply ## Write docs/licences.md anew, after `make lock`
	$(BIN)/python tools/supply.py licences --write

supply: $(VENV)/.supply ## Check the licences of all dependencies, list them in dist/photond.cdx.json, and audit them
	$(BIN)/python tools/supply.py licences
	$(BIN)/python tools/supply.py sbom dist/photond.cdx.json
	@$(BIN)/python tools/supply.py audit; status=$$?; test $$status = 0 || test $$status = 3

docs: $(VENV)/.test ## Write the generated pages: docs/cli.md and config.example.toml
	$(BIN)/python tools/write_docs.py

clean: ## Remove everything that the other commands made
	rm -rf $(VENV) .supply .arm .arm.log .demo build dist .*_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "photond needs Python 3.11 or later; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@# The dependency groups of pyproject.toml need pip 25.1.
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	@echo "Installing photond and what it needs (some 200 MB, a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.installed pyproject.toml
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.fuzz: $(VENV)/.test pyproject.toml
	@$(BIN)/python -m pip install --quiet --group fuzz
	@touch $@

$(VENV)/.lint: $(VENV)/.installed pyproject.toml
	@echo "Installing what the checks need ..."
	@$(BIN)/python -m pip install --quiet --group lint
	@touch $@

$(VENV)/.supply: $(VENV)/bin/python pyproject.toml
	@echo "Installing what looks at the dependencies ..."
	@$(BIN)/python -m pip install --quiet --group supply
	@touch $@

$(VENV)/.parity: $(VENV)/.test pyproject.toml
	@echo "Installing the reference implementation (some 1 GB, a minute or two) ..."
	@# torch first, by this name and version alone, so that nothing else has a say in which build it is.
	@# docs/parity.md says how to get the one without a GPU where the index prefers another.
	@$(BIN)/python -m pip install --quiet "torch==2.13.0"
	@$(BIN)/python -m pip install --quiet --group parity
	@touch $@
