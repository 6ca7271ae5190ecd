# What one can do here. Each verb installs what it needs into .venv and works on a fresh machine with Python 3.11, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= demo-out

.PHONY: mutations help demo test check bench chaos clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/'

demo: $(VENV)/.installed  ## install, start everything, assess examples/clinic, show the report, stop
	$(BIN)/infra-mind demo --out $(OUT)

test: $(VENV)/.installed-test  ## install and run all tests
	$(BIN)/pytest -n 2 $(ARGS)

check: $(VENV)/.installed-dev  ## linters, formatting, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bench  ## side by side with FastAPI + Celery + Redis, ratios at the end
	$(BIN)/python -m bench $(ARGS)

chaos: $(VENV)/.installed-test  ## kill everything that can be killed, in turn and at random; ARGS="--seed 7 --duration 300"
	$(BIN)/python -m tests.chaos $(ARGS)

mutations: $(VENV)/.installed-test  ## break one rule of the store's scripts at a time: a test has to notice; part of `make test`
	$(BIN)/pytest tests/chaos/test_mutations.py $(ARGS)

clean:  ## remove what the other verbs made
	rm -rf $(VENV) $(OUT) bench-out build dist .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	@touch $@ $(VENV)/.installed
