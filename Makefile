# Two commands are enough to begin with: `make demo` and `make test`.
# Shell work of more than a line lives in scripts/.

PORT ?= 5000
# `make simulate-weeks`: seeds (one, first-last, or any), hours of each world, when to stop, and
# whether things go wrong.
SEEDS ?= 1-20
HOURS ?= 168
MINUTES ?=
WEATHER ?= stormy
# `make mutants`: names of modules; all of them without any.
MODULES ?=
VENV := .venv
BIN := $(VENV)/bin

# Tests that need no server, no browser and no patience.
FAST := not slow and not browser and not postgres and not redis
# More would wait for each other: each process starts servers and a browser of its own.
TEST_PROCESSES := 2
# Each page test makes a shop with its tables, which is quick, but not a thousand times.
FAST_TESTS := tests/unit tests/project --ignore=tests/unit/web

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-postgres check format lint types imports unit-tests all-tests audit \
        screenshots simulate-weeks mutants system-packages clean

help: ## Show this list
	@echo "Usage: make COMMAND"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed-demo ## Start the demo shop with a simulated COVA (PORT=8080 chooses the port)
	$(BIN)/flask --app aiq_cova_plugin.demo run --port $(PORT)

test: system-packages $(VENV)/.installed-test lint types imports audit all-tests ## Install what the tests need and run every check

test-postgres: system-packages $(VENV)/.installed-test ## Run every test that uses a database on PostgreSQL
	COVA_TEST_DATABASE=postgresql $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile \
	    --no-loadscope-reorder -m "not browser"

check: $(VENV)/.installed-test lint types imports unit-tests ## The fast checks, under a minute; for between two edits

format: $(VENV)/.installed-test ## Rewrite the code in our format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: $(VENV)/.installed-test ## Take pictures of every page in every state, and a gallery of them
	$(BIN)/python -m tests.gallery.make

simulate-weeks: $(VENV)/.installed-test ## Play a shop's weeks with everything going wrong (SEEDS=any HOURS=168 MINUTES=60)
	@sh scripts/simulate_weeks.sh $(BIN)/python --seeds "$(SEEDS)" --hours "$(HOURS)" \
	    --weather "$(WEATHER)" $(if $(MINUTES),--minutes "$(MINUTES)")

mutants: $(VENV)/.installed-mutants ## List small changes of the mapping and the rules that no quick test notices (MODULES="pricing phones")
	$(BIN)/python scripts/mutants.py $(MODULES)

clean: ## Remove the environment and everything that running things left behind
	rm -rf $(VENV) build dist *.egg-info tests/artefacts .pytest_cache .mypy_cache .ruff_cache \
	    .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the steps ------------------------------------------------------------------------------------

lint:
	@echo "Checking format and style."
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	@echo "Checking types."
	$(BIN)/mypy

imports:
	@echo "Checking which room imports which."
	$(BIN)/lint-imports

unit-tests:
	@echo "Running the fast tests."
	$(BIN)/pytest -q -n auto -m "$(FAST)" $(FAST_TESTS)

all-tests:
	@echo "Running all tests, with browser, PostgreSQL, Redis and an installed wheel."
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

audit:
	@sh scripts/audit_dependencies.sh $(VENV)

system-packages:
	@sh scripts/install_system_packages.sh

# An environment is made again only when what it consists of has changed.
$(VENV)/.installed-demo: setup.py scripts/bootstrap.sh
	@sh scripts/bootstrap.sh $(VENV) demo
	@touch $@

$(VENV)/.installed-test: setup.py scripts/bootstrap.sh
	@sh scripts/bootstrap.sh $(VENV) test,dev,celery,postgres,demo
	@touch $@

$(VENV)/.installed-mutants: $(VENV)/.installed-test
	@sh scripts/bootstrap.sh $(VENV) test,mutants
	@touch $@
