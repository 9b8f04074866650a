# make run | test | test-kernels | test-long | check | bench | dev | lesson NAME=slug
PORT ?= 8501
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The CPU build of torch is a tenth of the size of the default one on Linux, and nothing here needs a GPU.
# TORCH_INDEX=<address of the index of CPU builds> makes pip prefer it; see the README.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: run dev test test-kernels test-long check bench lesson clean

# Sessions are threads. Each would have a heap of its own in the C library of GNU, and memory that one frees is of no use to another.
export MALLOC_ARENA_MAX ?= 2

run: $(VENV)/.run
	$(BIN)/streamlit run server.py --server.port $(PORT)

dev: $(VENV)/.run
	$(BIN)/streamlit run app.py --server.port $(PORT) --server.fileWatcherType auto --server.runOnSave true

# Tests of one lesson or file go to one worker, in the order of tests/conftest.py. A third on two cores, with another server and
# browsers, makes the whole a seventh longer.
PYTEST := $(BIN)/python -m pytest -n

test: $(VENV)/.test
	$(PYTEST) 2

# What is computed, once more with the plainest kernels of torch, MKL and NumPy, as another processor would.
KERNELS ?= tests/core tests/data tests/engine tests/lessons
test-kernels: $(VENV)/.test
	$(BIN)/python -m scripts.other_kernels $(PYTEST) 2 -m "not browser" --ignore-glob "*/test_words.py" --ignore-glob "*/test_page.py" $(KERNELS)

# Scenes by chance, $(SCENES) fresh ones for each lesson; the promises at ten seeds; a connection that is cut for longer than a
# server remembers; and all that lessons say and promise as another processor computes it.
SCENES ?= 300
test-long: $(VENV)/.test
	LONG=$(SCENES) SEEDS=0-9 $(PYTEST) 2 tests/test_scenes.py tests/test_promises.py
	LONG=1 $(BIN)/python -m pytest tests/test_connection.py
	SEEDS=2-3 $(BIN)/python -m scripts.other_kernels $(PYTEST) 2 -m "not browser" tests/lessons tests/test_promises.py

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/pyright --level error

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

lesson: $(VENV)/.run
	$(BIN)/python scripts/new_lesson.py $(NAME)

# The stamps make a second run start at once; a changed list of requirements installs again.
$(VENV)/.run: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/.test: requirements.txt requirements-dev.txt $(VENV)/.run
	$(PIP) -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV)
