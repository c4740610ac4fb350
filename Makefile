# `make` alone prints what it can do. Everything happens in a virtual environment of its own.
PYTHON ?= python3
VENV ?= .venv
PROFILE ?= quick
RUN ?= $(basename $(notdir $(PROFILE)))
PORT ?= 8000
JOBS ?= 2

BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Python compiles modules when it imports them: a fraction of those that are installed.
PIP := --quiet --disable-pip-version-check --no-compile
# What they compiled is kept, or each kernel and worker would compile all libraries again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install book serve lab test test-long test-fast lint format bench bench-maps bench-training lock wheelhouse reference picture clean

help:  ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: PROFILE=$(PROFILE) (a file in book/parameters), RUN=$(RUN), VENV=$(VENV), PYTHON=$(PYTHON), PORT=$(PORT), JOBS=$(JOBS) (processes that test)"

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; found %s. Name one: make PYTHON=python3.11 ..." % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned releases into $(VENV): minutes, and about 2 GB. Interrupted, make goes on."
	$(BIN)/python -m pip install $(PIP) -r requirements.txt
	$(BIN)/python -m pip install $(PIP) --no-deps -e .
	@touch $@

install: $(READY)  ## the virtual environment with the pinned releases, and the library

book: $(READY)  ## run the notebooks of PROFILE and build the book from them
	$(BIN)/cgm book --profile $(PROFILE) --run $(RUN)

serve: $(READY)  ## show the built book of RUN on localhost
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory runs/$(RUN)/book/_build/html

lab: $(READY)  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

lint: $(READY)  ## ruff and numpydoc
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/numpydoc lint $$(find cgmhelpers -name '*.py')

format: $(READY)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# As many threads as processes would wait for each other more than they compute.
test: export OMP_NUM_THREADS = 1
test: lint  ## lint, all tests but the long ones, notebooks at smoke size, the book; pictures of its pages in build/screenshots
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --screenshots build/screenshots

test-long: $(READY)  ## the long forms: thirty kills, thousands of damaged files, stores of thousands of halos
	$(BIN)/python -m pytest -m long

test-fast: $(READY)  ## the tests that take seconds
	$(BIN)/python -m pytest -m "not slow and not browser"

bench: $(READY)  ## print the ratios of benchmarks/
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

bench-maps: $(READY)  ## time the maps of a whole snapshot against yt and swiftsimio: 15 minutes, 10 GB
	$(BIN)/python benchmarks/maps.py

bench-training: $(READY)  ## time the training of a network against a plain PyTorch loop: 10 minutes
	$(BIN)/python benchmarks/training.py

lock: $(READY)  ## write requirements.txt, environment.yml and pylock.toml from the environment as it is
	$(BIN)/python tools/lock.py

wheelhouse: $(READY)  ## fetch the files of pylock.toml, and build our wheel, for a machine without a network
	$(BIN)/python tools/lock.py wheelhouse

reference: $(READY)  ## write the book's reference pages anew, after a module was added
	$(BIN)/python tools/reference.py

picture: $(READY)  ## the README's picture, from the run RUN
	$(BIN)/python tools/picture.py runs/$(RUN)/figures/hero.png

clean:  ## remove what the build and the tests made (runs/ with your results stays)
	rm -rf $(VENV) build dist wheelhouse .pytest_cache .hypothesis .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
