# Homing. `make` lists the targets. Each prepares what it needs; only Python 3.11+, make and PyPI are assumed.

# The first of these that runs and is new enough (a name on the path may be an empty shim).
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= data
PYTEST_FLAGS ?= -n auto
MINISTACK := .cache/ministack/.ready

.PHONY: help demo serve test lint format bench conformance ministack opensearch golden clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(READY): pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "Homing needs Python 3.11 or newer: none was found (set PYTHON=...)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --quiet --frozen --all-extras --group dev --inexact
	@touch $@

demo: $(READY)  ## start a site in a temporary folder, send it mail, read it over JMAP, kill it, prove that nothing is lost
	$(BIN)/python -m bench.demo

serve: $(READY)  ## run a site on this machine; its data lies in DATA (default: ./data)
	$(BIN)/homing serve --data $(DATA)

test: $(READY)  ## all tests; the AWS side runs on moto, or on the endpoint in AWS_ENDPOINT_URL
	$(BIN)/pytest $(PYTEST_FLAGS)

lint: $(READY)  ## ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## the measurements: intake, JMAP, parsing, store calls (CORPUS: a folder of raw mail to use as well)
	$(BIN)/python -m bench.all $(CORPUS)

conformance: $(READY) $(if $(filter aws,$(SITE)),$(MINISTACK))  ## run the JMAP suite in the folder SUITE against a site of its own (SITE=aws: on emulators of AWS), or against URL USER PASSWORD [USER2 PASSWORD2]
	@test -n "$(SUITE)" || { echo "where is the suite? make conformance SUITE=FOLDER" >&2; exit 2; }
	@$(BIN)/python -m tests.conformance.run --suite "$(SUITE)" $(if $(URL),--url "$(URL)" --user "$(USER)") $(if $(SITE),--site "$(SITE)") \
		$(if $(USER2),--user2 "$(USER2)") $(if $(FILTER),--filter "$(FILTER)") $(if $(REPORT),--report "$(REPORT)")

ministack: $(MINISTACK)  ## install MiniStack, an emulator of AWS, into .cache

$(MINISTACK):
	$(PYTHON) -m venv .cache/ministack
	.cache/ministack/bin/pip install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106 cryptography
	@touch $@

opensearch: $(READY)  ## the search contract on a real OpenSearch, which Maven fetches (skipped where there is no Java)
	@$(BIN)/python -m tests.contract.real_opensearch

golden: $(READY)  ## write the golden files anew, to be reviewed as a diff
	$(BIN)/python -m tests.golden.refresh

clean:  ## remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
