# What a checkout needs besides Python >= 3.11, make and git comes by pip into .venv.
.POSIX:
.SUFFIXES:

VENV = .venv
UV = $(VENV)/bin/uv
PYTHON =
# Holds what was installed: a change of the requirements, or of how they are installed, makes it again.
STAMP = $(VENV)/.installed
# checkov pins old versions of what everything else needs newer ones of: it has an environment of its own.
CHECKOV = $(VENV)/checkov
CHECKOV_STAMP = $(CHECKOV)/.installed
CHECKOV_PINS = tests/infrastructure/checkov/requirements
# Which storm `make chaos` is: any, unless one is named.
SEED =
# How long `make fuzz` looks.
MINUTES = 5

.PHONY: help demo test chaos fuzz lint format venv wheel requirements clean

help: ## What there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: $(STAMP) ## The bridge on this machine: told a word, stopped, started again, asked for the word
	@$(VENV)/bin/python -m bridge_local.demo

# One of three mostly waits, for what it has deployed.
test: lint $(CHECKOV_STAMP) ## Lint and run all tests
	@$(VENV)/bin/python -m pytest -q -n 3 --no-loadscope-reorder

fuzz: $(STAMP) ## Look longer for input that breaks a parser: make fuzz MINUTES=10
	@$(VENV)/bin/python -m tests.fuzz.longer $(MINUTES)

chaos: $(STAMP) ## A storm: 240 turns while everything fails that can; SEED=N plans the same one again
	@seed="$(SEED)"; $(VENV)/bin/python -m tests.chaos $${seed:+--seed "$$seed"}

lint: $(STAMP) ## ruff and mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy

format: $(STAMP) ## Let ruff put the code in shape
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

venv: $(STAMP) ## The environment in .venv, with all that requirements.txt names

$(STAMP): requirements.txt pyproject.toml
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
		if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then break; fi; \
		if [ -n "$(PYTHON)" ]; then echo "$(PYTHON) is no Python >= 3.11 with venv and pip" >&2; exit 1; fi; \
		python=; \
	done; \
	if [ -z "$$python" ]; then \
		echo "no Python >= 3.11 with venv and pip was found; name one: make PYTHON=/path/to/python3" >&2; exit 1; fi; \
	if ! $(VENV)/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "making $(VENV) with $$python"; rm -rf $(VENV); "$$python" -m venv $(VENV) || exit 1; fi
	@echo "installing what requirements.txt names into $(VENV); the first time takes a minute or two"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $(STAMP)

$(CHECKOV_STAMP): $(CHECKOV_PINS).txt $(STAMP)
	@$(UV) venv --quiet --clear --python $(VENV)/bin/python $(CHECKOV)
	@$(UV) pip install --quiet --python $(CHECKOV)/bin/python -r $(CHECKOV_PINS).txt
	@touch $(CHECKOV_STAMP)

wheel: $(STAMP) ## The package, to install elsewhere: dist/*.whl, and the sdist that makes the same wheel
	@$(VENV)/bin/python -m hatchling build -d dist

requirements: $(STAMP) ## Pin the newest of all that requirements.in and lambda/requirements.in allow
	$(UV) pip compile lambda/requirements.in --upgrade --python-version 3.13 --python-platform aarch64-manylinux2014 \
		--no-emit-index-url --no-annotate -o lambda/requirements.txt --quiet
	$(UV) pip compile requirements.in --upgrade --universal --python-version 3.11 --no-emit-index-url \
		-o requirements.txt --quiet
	$(UV) pip compile $(CHECKOV_PINS).in --upgrade --universal --python-version 3.11 --no-emit-index-url \
		--no-annotate -o $(CHECKOV_PINS).txt --quiet

clean: ## Remove what was made, the environment included; what the local AWS keeps stays
	rm -rf $(VENV) cdk.out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis bench/out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
