# What a person types. `make` runs the gateway; the first time it also sets up .venv, which takes a minute or two.
#
#   make serve    run the gateway here: SMTP on 127.0.0.1:8025, everything it keeps in storage/
#   make demo     play a day at a small desk
#   make test     run the tests; TESTS="tests/parse -k quote" runs some of them, WORKERS=0 runs them one by one
#   make check    lint, format and types
#   make bench    measure
#   make simulation  a day of a company of 3,000 people: its clocks, owners and mails against an account of their own
#                 DATABASE=postgresql plays it there, DAYS=12 FIRST=2026-03-27 PEOPLE=500 SEED=4 another stretch
#   make crash    kill the gateway at every commit, and ROUNDS times at random behind real servers
#   make faults   cut every dialogue at every octet, fail at every call
#   make coverage  see that tests go down every branch of what takes a mail in, proves a sender or writes a header
#   make mutants  put every small mistake into those modules and see that a test notices; MODULES=gateway.keys
#   make fuzz     take ROUNDS damaged mails (20,000 and more) through all that is pure; findings in fuzz-findings/
#
# PYTHON=python3.12 names the interpreter that .venv is made with.

VENV := .venv
BIN := $(VENV)/bin
ifeq ($(wildcard $(BIN)/python)$(PYTHON),)
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
endif
WORKERS ?= 3
ROUNDS ?= 25
TESTS ?= tests
PEOPLE ?= 3000
DAYS ?= 1
FIRST ?= 2026-03-26
SEED ?= 1
DATABASE ?= sqlite

.DEFAULT_GOAL := serve
.PHONY: serve demo test check bench simulation crash faults fuzz coverage mutants

serve: $(VENV)/installed
	$(BIN)/gateway serve

demo: $(VENV)/installed
	$(BIN)/gateway demo

test: $(VENV)/installed-dev
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

check: $(VENV)/installed-dev
	$(BIN)/ruff check gateway tests
	$(BIN)/ruff format --check gateway tests
	$(BIN)/mypy gateway tests

bench: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks

simulation: $(VENV)/installed-dev
	$(BIN)/python -m tests.simulation --people $(PEOPLE) --days $(DAYS) --first $(FIRST) --seed $(SEED) --database $(DATABASE)

crash: $(VENV)/installed-dev
	CRASH_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest -m crash --timeout 86400 -rP tests/crash tests/faults tests/intake

faults: $(VENV)/installed-dev
	FAULT_EVERY_OCTET=1 FAULT_STEP_BYTES=64 $(BIN)/python -m pytest -n $(WORKERS) --timeout 86400 tests/faults

fuzz: $(VENV)/installed-dev
	$(BIN)/python -m tests.fuzz --rounds $(ROUNDS)

coverage: $(VENV)/installed-dev
	$(BIN)/coverage run -m pytest -n 0 -q -m "not crash" tests/test_keys.py tests/compose/test_headers.py \
	  tests/compose/test_mime.py tests/triage/test_trust.py tests/triage/test_authorise.py tests/store/test_queue.py \
	  tests/desk/test_ledger.py tests/parse/test_addresses.py tests/parse/test_sender.py tests/intake
	$(BIN)/coverage report

mutants: $(VENV)/installed-dev
	$(BIN)/python -m tests.mutation $(MODULES)

# The two stamps stand for "what pyproject.toml asks for is installed"; what the tests need includes what users need.
$(VENV)/installed: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/installed

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
	  echo "This needs Python 3.11 or newer, and none was found. Name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This needs Python 3.11 or newer; $(PYTHON) is not one. Name another: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) can't make virtual environments (no venv or ensurepip)." >&2; \
	  echo "On Debian and Ubuntu that is a package of its own: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV), once"
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
