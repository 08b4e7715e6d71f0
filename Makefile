# The two main targets are `make demo` and `make test`; `make help` lists all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Spinning OpenMP threads slow down a busy machine; a short spin costs an idle one nothing.
export GOMP_SPINCOUNT ?= 10000

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs format lock clean

help: ## List the commands
	@grep -E '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.host ## Draw a video, train teacher, plain and distilled student, write a report and a file
	$(BIN)/python -m mmseg_splashkd.demo

# Tests that run exported files, in processes of their own: cores of OpenVINO took the signal stack
# of a process away, so that a signal in a later test ended it (mmseg_splashkd/deploy/signal_stack.py).
ENGINES := tests/deploy tests/test_demo.py tests/test_inference_benchmark.py
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev ## Run all tests, in one process per core
	$(PYTEST) $(ENGINES:%=--ignore=%)
	$(PYTEST) $(ENGINES)

lint: $(VENV)/.dev ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --config setup.cfg

docs: $(VENV)/.dev ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev ## Lock the requirements with hashes, and list licences (needs uv)
	$(BIN)/python requirements/lock.py

clean: ## Remove the environment, the documentation and the demo's files; other runs stay
	rm -rf $(VENV) site work_dirs/demo data/demo

# cv2 needs libGL, which a bare server lacks: there, the headless build is installed instead.
$(VENV)/.host: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (minutes the first time) ..."
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[onedl,deploy]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || \
	  $(PIP) --no-deps --force-reinstall opencv-python-headless
	@touch $@

# With a CPU build of torch, torchvision as published keeps the host packages from being
# imported. So it and what needs it lie apart, where only the tests look (tests/conftest.py).
$(VENV)/.dev: $(VENV)/.host tests/with_torchvision.txt
	$(PIP) -e '.[onedl,data,augment,deploy,follow,parquet,serve,sweep,mlflow,tensorboard,transformers,lite,docs,dev]'
	$(PIP) --no-deps --upgrade --target $(VENV)/with_torchvision -r tests/with_torchvision.txt
	@touch $@
