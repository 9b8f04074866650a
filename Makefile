# make run | test | test-kernels | test-long | check | bench | dev | lesson NAME=slug
PORT ?= 8501
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The CPU build of torch is a tenth of the size of the default one on Linux, and nothing here needs a GPU.
# TORCH_INDEX=<address of the index of CPU builds> makes pip prefer it; see the README.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: run dev test test-kernels test-long check bench lesson clean

run: $(VENV)/.run
	$(BIN)/streamlit run server.py --server.port $(PORT)

dev: $(VENV)/.run
	$(BIN)/streamlit run app.py --server.port $(PORT) --server.fileWatcherType auto --server.runOnSave true

test: $(VENV)/.test
# Both halves are run, whatever the first finds. A browser wants a core to itself, and a real one may stumble: a test that
# passes on another try is printed as rerun.
	@status=0; \
	$(BIN)/python -m pytest -n 2 -m "not browser" || status=1; \
	$(BIN)/python -m pytest -m browser --reruns 2 || status=1; \
	exit $$status

# What is computed, once more with the plainest kernels of torch, MKL and NumPy: as another processor would.
test-kernels: $(VENV)/.test
	SEEDS=2 $(BIN)/python -m scripts.other_kernels $(BIN)/python -m pytest -n 2 \
	  tests/core tests/data tests/engine tests/lessons tests/test_promises.py

# Scenes by chance, $(SCENES) fresh ones for each lesson, and a connection that is cut for longer than a server remembers.
SCENES ?= 300
test-long: $(VENV)/.test
	LONG=$(SCENES) $(BIN)/python -m pytest -n 2 tests/test_scenes.py
	LONG=1 $(BIN)/python -m pytest tests/test_connection.py

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
