# Everything a person runs. `make` alone prints this list.
PYTHON ?= python3
BIN := .venv/bin
SECONDS ?= 0
MODEL ?= rules
TESTS ?= tests
PYTEST_ARGS ?= -m "not sdk and not nightly"
# Three at once, as many wait: two of those that start servers, and unit tests (tests/scheduling.py).
PARALLEL ?= -n 3 --dist loadscope --no-loadscope-reorder
KILLS ?= 200
AGENT_KILLS ?= 90
SEED ?= 1
SOAK_MIN ?= 60
FAULTS_MIN ?= 20

# Or each process that a test starts would compile all our modules again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help env demo test nightly recovery soak check lint fmt schemas lock clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

env: .venv/.ready  ## .venv from the hashed locks (python3 >= 3.11 is all it needs)

.venv/.ready: requirements/bootstrap.lock requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python 3.11 or newer is needed; this is " + sys.version.split()[0] + " (say make env PYTHON=...)")'
	@echo "making .venv: about 100 packages, each checked against its hash ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements/dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "ready: $(BIN)/tapereader --help"

demo: env  ## watch it work: no Docker, no Java, no key (SECONDS=45, MODEL=simulated)
	@$(BIN)/tapereader demo --seconds $(SECONDS) --model $(MODEL)

test: env  ## the tests (real Kafka where Java and Maven are; what is missing is skipped with its reason)
	$(BIN)/python -m pytest $(TESTS) $(PARALLEL) $(PYTEST_ARGS)

nightly: env  ## workers harmed KILLS=200 times and agents AGENT_KILLS=90, all judged; both stalls (SEED=1; about 80 min)
	$(BIN)/python -m pytest tests -m nightly
	$(BIN)/python -m tests.kills.nightly --kills $(KILLS) --seed $(SEED)
	$(BIN)/python -m tests.agent_kills.nightly --kills $(AGENT_KILLS) --seed $(SEED)

recovery: env  ## how long a death lasts: restart and failover with 100,000 state entries (about 25 min)
	$(BIN)/python -m tests.kills.recovery

soak: env  ## SOAK_MIN=60 minutes of workers harmed, then FAULTS_MIN=20 of a model that fails: memory at rest, all judged
	$(BIN)/python -m tests.kills.soak --minutes $(SOAK_MIN) --seed $(SEED)
	$(BIN)/python -m tests.faults.run --minutes $(FAULTS_MIN) --seed $(SEED)

check: lint  ## what CI runs: format, ruff, mypy, imports, contracts, tests, coverage
	$(BIN)/python -m pytest $(TESTS) $(PARALLEL) $(PYTEST_ARGS) --cov --cov-report=term

lint: env  ## all of check but the tests
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary .
	$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache
	$(BIN)/python -m topics.schema check docs/contracts
	$(BIN)/python -m topics.metrics check docs/metrics.md
	$(BIN)/python -m topics.compatibility docs/contracts/released/asyncapi.json docs/contracts/asyncapi.json

fmt: env  ## format, and mend what ruff can
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

schemas: env  ## write docs/contracts and docs/metrics.md from the catalogues
	$(BIN)/python -m topics.schema write docs/contracts
	$(BIN)/python -m topics.metrics write docs/metrics.md

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: env  ## resolve the locks again after a change of pyproject.toml
	$(BIN)/$(LOCK) pyproject.toml -o requirements/runtime.lock
	$(BIN)/$(LOCK) pyproject.toml --group dev -o requirements/dev.lock
	$(BIN)/$(LOCK) --group bootstrap -o requirements/bootstrap.lock
	$(BIN)/$(LOCK) tests/sdk/requirements.in -o tests/sdk/requirements.lock

clean:  ## remove what was made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* build dist *.egg-info
