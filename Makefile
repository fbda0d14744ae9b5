# `make repro` and `make test` set everything up by themselves; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

DVC_STAGES := plan prepare train predict measure collect analyse report

.PHONY: help repro demo test test-all test-cluster coverage check lint types lock validators
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z./-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([^:]+):.*## (.*)/  make \1\t\2/' | expand -t 18

repro: .venv  ## run the study of params.yaml, from training to the report
	dvc repro
	@echo "The report: $(CURDIR)/report/index.html"

demo: .venv  ## a small study in the folder demo/, from training to verdicts, in a few minutes
	@mkdir -p demo
	@cp docs/studies/demo.yaml demo/params.yaml
	@cd demo && unset DIFFPROG_STORE MLFLOW_TRACKING_URI RAY_ADDRESS && export PYTHONPATH="$(CURDIR)" DIFFPROG_SESSION_OF=$$$$ \
	  && for stage in $(DVC_STAGES); do python -m stages $$stage || exit; done \
	  && diffprog audit outlier_exposure && echo && diffprog audit placebo
	@echo "The report: $(CURDIR)/demo/report/index.html"

test: .venv  ## the fast tests, a quarter of an hour on two cores
	OMP_NUM_THREADS=1 pytest --numprocesses auto --dist loadfile -m "not slow and not cluster"

test-all: .venv  ## every test: whole pipelines, killed workers and drivers, the page in Chromium
	@command -v npm >/dev/null && npm ci --prefix tests/browser --silent --ignore-scripts || echo "no npm: axe-core is not run"
	pytest -m "not cluster"

test-cluster: .venv  ## several nodes, an S3 server, PostgreSQL, and failures; as root on Debian, half an hour
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,server]'
	command -v pg_ctl >/dev/null || test -d /usr/lib/postgresql || apt-get install -y postgresql
	command -v ip >/dev/null || apt-get install -y iproute2
	pytest -m cluster

coverage: .venv  ## the fast tests, and the share of each file's lines that they run
	pytest -m "not slow and not cluster" --cov=pipelines --cov=stages --cov=analysis --cov=cluster

check: lint types test  ## what continuous integration runs, but for the small study

lint: .venv
	ruff check .
	ruff format --check .

types: .venv
	mypy -n auto
	mypy -n auto benchmarks
	mypy -n auto tests

.venv: .venv/ready  ## the virtual environment with pinned dependencies

.venv/ready: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "diffprog needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

validators: .validators/ready  ## what validates an export (RO-Crate, Croissant), apart from .venv: its pins differ

.validators/ready:
	$(PYTHON) -m venv .validators
	.validators/bin/python -m pip install --quiet roc-validator==0.13.0 mlcroissant==1.1.1 rocrate==0.13.0 pyarrow
	@touch $@

lock:  ## pin what is installed in .venv now
	$(BIN)/python -m pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > constraints.txt
