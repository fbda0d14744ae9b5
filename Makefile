# `make repro` and `make test` set everything up by themselves; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help repro test test-all test-cluster check lint types lock clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z./-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([^:]+):.*## (.*)/  make \1\t\2/' | expand -t 18

repro: .venv  ## run the study of params.yaml, from training to the report
	dvc repro
	@echo "The report: $(CURDIR)/report/index.html"

test: .venv  ## the fast tests, a few minutes
	pytest -m "not slow and not cluster"

test-all: .venv  ## every test: whole pipelines, killed workers and drivers
	pytest -m "not cluster"

test-cluster: .venv  ## several nodes, an S3 server, PostgreSQL, and faults; as root on Debian, half an hour
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,server]'
	command -v pg_ctl >/dev/null || test -d /usr/lib/postgresql || apt-get install -y postgresql
	command -v ip >/dev/null || apt-get install -y iproute2
	pytest -m cluster

check: lint types test  ## what continuous integration runs, but for the small study

lint: .venv
	ruff check .
	ruff format --check .

types: .venv
	mypy
	mypy benchmarks
	mypy tests

.venv: .venv/ready  ## the virtual environment with pinned dependencies

.venv/ready: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "diffprog needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

lock:  ## pin what is installed in .venv now
	$(BIN)/python -m pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > constraints.txt
