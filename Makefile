# Every target does its own set-up in .venv; a machine needs Python 3.11+ and git.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
BOOK := $(wildcard *.md *.ipynb *.yml *.bib images/* chapters/*.ipynb chapters/*.json chapters/solutions/*.ipynb)
# What the build is made with, so that all pages are written anew when it changes.
BUILD := _toc.yml _config.yml references.bib CITATION.cff \
	$(wildcard book/*.py book/templates/* book/static/*)
PACKAGE := pyproject.toml README.md LICENSE

.PHONY: help book test pdf font serve refresh colab bounds repository bench lint lock clean

help:  ## list the targets
	@grep -E '^[a-z]+: .*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

book: _build/html/.built  ## build the book into _build/html from the committed outputs
	@echo "The book is built: open _build/html/index.html, or run 'make serve'."

test: .venv/.test book  ## execute every cell again, compare, and run all other tests
	$(BIN)/python -m pytest -n 2

pdf: book .venv/.test  ## print the whole book to _build/descent.pdf (needs a Chromium)
	$(BIN)/jupyter-book build . --builder singlehtml --quiet -n -W --keep-going
	$(BIN)/python book/make_pdf.py

font: book .venv/.test  ## cut the mathematics font anew, after new symbols came in
	$(BIN)/python book/make_font.py $(FONT)

serve: book  ## build, then serve on http://127.0.0.1:8000 (PORT=… for another)
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

refresh: .venv/.test  ## execute every notebook and store its outputs (TIMES=1: measure times anew)
	$(BIN)/python benchmarks/cover.py
	$(BIN)/python tests/refresh.py $(if $(TIMES),--times)

colab: .venv/.test  ## execute every notebook alone, in an environment like Colab's (NOTEBOOKS=… for some)
	PYTHONPATH=book $(BIN)/python tests/stranger.py colab $(NOTEBOOKS)

bounds: .venv/.test  ## the same with the lowest versions that the package accepts (downloads 3 GB once)
	PYTHONPATH=book $(BIN)/python tests/stranger.py bounds $(NOTEBOOKS)

repository: .venv/.book  ## set the repository's address everywhere: URL=https://host/owner/name (URL= for none)
	$(BIN)/python book/set_repository.py $(if $(filter command,$(origin URL)),--url '$(URL)') \
		--revision '$(REVISION)' --branch '$(BRANCH)'

bench: .venv/.test  ## measure our loops beside d2l's and torch's
	$(BIN)/python benchmarks/loops.py
	$(BIN)/python benchmarks/images.py

lint: .venv/.test  ## check style and formatting of code and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lock: .venv/.test  ## write what is installed to requirements.lock
	$(BIN)/python -m pip freeze --exclude descent-book --exclude d2l \
		| sed 's/+cpu$$//' > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:  ## remove the environment and everything built
	rm -rf .venv _build

_build/html/.built: .venv/.book _build/.structure $(BOOK)
	@# A page with a warning must warn again next time: forget what was read of it.
	$(BIN)/jupyter-book build . --quiet -n -W --keep-going \
		|| { rm -rf _build/.doctrees; exit 1; }
	@touch $@

_build/.structure: $(BUILD)
	rm -rf _build/html _build/singlehtml _build/.doctrees
	@mkdir -p _build
	@touch $@

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is older than Python 3.11, which the book needs;" \
			"name a newer one: make PYTHON=/path/to/python3 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.book: .venv/.python requirements-book.txt requirements.lock
	$(BIN)/python -m pip install --quiet -r requirements-book.txt -c requirements.lock
	@touch $@

.venv/.test: .venv/.book requirements.txt requirements-d2l.txt $(PACKAGE)
	$(BIN)/python -m pip install --quiet -r requirements.txt -c requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-d2l.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
