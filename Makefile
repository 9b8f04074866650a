# make run | test | check | bench | dev | lesson NAME=slug
PORT ?= 8501
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The CPU build of torch is a tenth of the size of the default one on Linux, and nothing here needs a GPU.
# TORCH_INDEX=<address of the index of CPU builds> makes pip prefer it; see the README.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: run dev test check bench lesson clean

run: $(VENV)/.run
	$(BIN)/streamlit run app.py --server.port $(PORT)

dev: $(VENV)/.run
	$(BIN)/streamlit run app.py --server.port $(PORT) --server.fileWatcherType auto --server.runOnSave true

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 -m "not browser"
# A browser wants a core to itself, and a real one may stumble: a test that passes on another try is printed as rerun.
	$(BIN)/python -m pytest -m browser --reruns 2

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
