# Everything works on a fresh machine with Python 3.11 or later, git and make: each target sets up what it needs.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
DATA ?= $(or $(EVENTLORE_DATA),../shared/data)
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
LEFT_OUT := $(if $(wildcard $(DATA)),,not data) $(if $(CHROMIUM),,not browser)

export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo mutants test e2e-openclaw e2e-context lint format types notebooks models bench lock clean

demo: $(READY)  ## the main job on the sample workspace
	$(VENV)/bin/eventlore demo

test: $(READY)  ## every test; those that need the labelled data or Chromium only where these are at hand
	$(if $(wildcard $(DATA)),,@echo "no labelled data at $(DATA): the tests that measure on it are left out")
	$(if $(CHROMIUM),,@echo "no Chromium: the tests that drive the dashboard in a browser are left out")
	EVENTLORE_DATA=$(abspath $(DATA)) $(VENV)/bin/pytest -n 3 --dist worksteal -m "$(subst data not,data and not,$(strip $(LEFT_OUT)))"

e2e-openclaw: $(VENV)/.e2e  ## the real OpenClaw, from npm, followed while it works; some minutes
	$(VENV)/bin/python tests/e2e/openclaw.py $(VENV)/openclaw

e2e-context: $(VENV)/.e2e  ## the plugin in the real OpenClaw against a real worker; some minutes
	$(VENV)/bin/python tests/e2e/context_plugin.py $(VENV)/openclaw

lint: $(READY)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

format: $(READY)
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

types: $(READY)
	$(VENV)/bin/mypy

notebooks: $(READY)  ## run the notebooks again and save what they show
	$(VENV)/bin/python notebooks/run.py

models: $(VENV)/.train  ## train the packaged models again from the labelled data
	$(VENV)/bin/python -m analytics.training.embedding
	$(VENV)/bin/python -m analytics.training.style_valence
	$(VENV)/bin/python -m analytics.training.style --data $(DATA)
	$(VENV)/bin/python -m analytics.training.outcome --data $(DATA)
	$(VENV)/bin/python -m analytics.training.topics --data $(DATA)
	rm -rf $(VENV)/recall
	gunzip -c $(DATA)/memory/locomo-dev.events.jsonl.gz | EVENTLORE_HOME=$(VENV)/recall $(VENV)/bin/eventlore publish -
	EVENTLORE_HOME=$(VENV)/recall $(VENV)/bin/eventlore run --drain
	$(VENV)/bin/python -m analytics.training.recall --database sqlite:///$(VENV)/recall/insights.db \
	  --questions $(DATA)/memory/locomo-dev.questions.jsonl

bench: $(VENV)/.bench  ## measure against the alternatives
	$(VENV)/bin/python benchmarks/decoding.py --data $(DATA)
	$(VENV)/bin/python benchmarks/transport.py
	$(VENV)/bin/python benchmarks/pipeline.py --data $(DATA)
	$(VENV)/bin/python benchmarks/imports.py
	$(VENV)/bin/python benchmarks/following.py
	$(VENV)/bin/python benchmarks/publisher.py
	$(VENV)/bin/python benchmarks/topics.py --data $(DATA)
	$(VENV)/bin/python benchmarks/recall.py --data $(DATA)
	$(VENV)/bin/python benchmarks/memory.py --data $(DATA)
	$(VENV)/bin/python benchmarks/context.py --data $(DATA)
	$(VENV)/bin/python benchmarks/scoring.py --data $(DATA)

mutants: $(READY)  ## take the isolation of agents out of each path in turn: the tests must notice
	$(VENV)/bin/python tests/mutations.py

lock: $(READY)  ## the newest versions that fit pyproject.toml, for everybody
	$(VENV)/bin/pip install --quiet --dry-run --ignore-installed --report $(VENV)/report.json -e '.[bench,train,e2e]'
	$(VENV)/bin/python -c "import json; r = json.load(open('$(VENV)/report.json'))['install']; \
	  print(*sorted(f\"{m['name'].lower()}=={m['version']}\" for m in (i['metadata'] for i in r) if m['name'] != 'eventlore'), sep='\n')" > requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Eventlore needs Python 3.11 or later: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

$(VENV)/.bench $(VENV)/.train $(VENV)/.e2e: $(VENV)/.%: $(READY)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[$*]'
	@touch $@
