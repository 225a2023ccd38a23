# Each command makes its own virtual environment.
#   make report   the batch-size case study on the logged runs, in report/index.html
#   make test     linters, types and all tests
#   make docs     this documentation, in build/docs/index.html; warnings are errors
# PYTHON chooses the interpreter (3.11 to 3.13).
PYTHON ?= python3
REPORT := .venv-report
TEST := .venv-test
DOCS := .venv-docs
# dowhy holds scipy back, so what needs it is tested apart
INTEROP := .venv-interop
# one thread a process: results do not depend on the number of cores
export OMP_NUM_THREADS ?= 1

.PHONY: report test docs clean

report: $(REPORT)/installed
	$(REPORT)/bin/python -m case_studies.batch_size --out report

test: $(TEST)/installed $(INTEROP)/installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/python -m pytest --ignore=tests/interop
	$(INTEROP)/bin/python -m pytest tests/interop

docs: $(DOCS)/installed
	$(DOCS)/bin/python -m sphinx -q -W --keep-going -b html docs build/docs

$(REPORT)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(REPORT)
	$(REPORT)/bin/python -m pip install --quiet --disable-pip-version-check \
		--editable ".[parallel]"
	touch $@

$(TEST)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[test]"
	touch $@

$(INTEROP)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check \
		--editable ".[interop]" pytest hypothesis
	touch $@

$(DOCS)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable ".[docs]"
	touch $@

clean:
	rm -rf $(REPORT) $(TEST) $(DOCS) $(INTEROP) report build *.egg-info .mypy_cache .pytest_cache .ruff_cache
