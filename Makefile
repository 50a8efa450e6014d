# `make`       set up and reproduce: ends by saying where the report is and what it says
# `make test`  set up and run the tests and the style tools
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# Never let a proxy of the environment add addresses or other packages to what constraints.txt pins.
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: all report setup preflight compiler test slow style format clean

all: compiler setup
	@$(BIN)/snakemake
	@$(BIN)/python -m passline.summary

setup: preflight $(INSTALLED)

# What is missing is said in one sentence, before anything is set up: what everything needs, and what builds kernels.
preflight:
	@test "$$(uname -s)" = Linux || { echo "Passline runs on Linux only; this is $$(uname -s). Use a Linux machine." >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) was found: install Python 3.11 or newer (apt install python3 python3-venv, dnf install python3)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); Passline needs Python 3.11 or newer: install it, then run make PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: apt install python3-venv." >&2; exit 1; }

compiler: preflight
	@command -v gcc >/dev/null || { echo "No C compiler was found: install gcc (apt install gcc, dnf install gcc)." >&2; exit 1; }
	@command -v ld >/dev/null && command -v objdump >/dev/null || { echo "ld or objdump was not found: install binutils (apt install binutils, dnf install binutils)." >&2; exit 1; }

$(INSTALLED): constraints.txt pyproject.toml
	@echo "setting up $(VENV): about a minute, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# constraints.txt is complete, so nothing is left to resolve.
	@$(PIP) install --no-deps --require-hashes --requirement constraints.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

test: compiler setup style
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Every published report, rebuilt from its tables, and what documents say of it: no compiler, no counters, the same bytes
# for the same versions.
report: setup
	@$(BIN)/python -m passline.readme_blocks
	@$(BIN)/passline republish

# What takes minutes.
slow: compiler setup
	@$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

C_FILES = $(shell git ls-files 'kernels/*.c' 'kernels/*.h' 'tests/*.c' 'tests/*.h')
SMK_FILES = Snakefile workflow/rules workflow/fleet.smk workflow/cluster.smk
style: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=workflow $(BIN)/lint-imports --no-cache
	@$(BIN)/snakefmt --check $(SMK_FILES)
	@$(BIN)/clang-format --dry-run --Werror $(C_FILES)

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/snakefmt $(SMK_FILES)
	@$(BIN)/clang-format -i $(C_FILES)

clean:
	rm -rf $(VENV) results .snakemake
