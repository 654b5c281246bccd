# Everything a person runs. `make` alone prints this list.
PYTHON ?= python3
BIN := .venv/bin
SECONDS ?= 0
MODEL ?= rules

.PHONY: help env lock demo test check fmt schemas clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

env: .venv/.ready  ## .venv from the hashed locks (python3 >= 3.11 is all it needs)

.venv/.ready: requirements/bootstrap.lock requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python 3.11 or newer is needed; this is " + sys.version.split()[0] + " (say make env PYTHON=...)")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml
lock:  ## resolve the locks again after a change of pyproject.toml
	$(LOCK) -o requirements/runtime.lock
	$(LOCK) --group dev -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group bootstrap -o requirements/bootstrap.lock

