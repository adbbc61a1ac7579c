# The one door for people and CI. `make` alone prints what there is.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-parts check format bench chaos learn-proof compose-smoke ui screenshots lock docs docs-render clean
BIN := .venv/bin
JOBS ?= 4# test processes: most tests wait for other processes, so more than cores

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv with every pinned dependency and the umbel command (does nothing when nothing changed)
	@scripts/setup.sh

demo: setup ## run the pipeline A -> (B | C) -> D on the embedded stack; ARGS="--exit --scenario flaky"
	@$(BIN)/umbel demo $(ARGS)

test: setup ## run every test that needs no PostgreSQL and no RabbitMQ, saying what was skipped and why; ARGS="-k retry"
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not (postgres or rabbitmq or long)" $(ARGS)

test-parts: setup ## run the long ones, and those with a PostgreSQL and a RabbitMQ of their own (Debian: postgresql, rabbitmq-server)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "postgres or rabbitmq or long" $(ARGS)

check: setup ## lint, format, types, layers, and the tests about the repository itself
	@scripts/check.sh

format: setup ## let ruff mend what it can
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

bench: setup ## measure Umbel against raw Celery on this machine; ARGS=...
	@$(BIN)/python -m bench $(ARGS)

chaos: setup ## the tests that kill processes, then slices of the long form; ARGS="--minutes 20 --seed 7", ARGS=--report
ifeq ($(ARGS),)
	@$(BIN)/python -m pytest -m chaos
endif
	@$(BIN)/python -m tests.chaos.harness $(ARGS)

learn-proof: setup ## lesson 9 ten times, each claim held against what was recorded; ARGS="--lesson all --times 1"
	@$(BIN)/python -m tests.learn_proof $(ARGS)

compose-smoke: ## build the image, run compose.yaml and break it, in a private Docker engine if there is none; minutes
	@scripts/compose-smoke

ui: setup ## build the web pages, if they changed; ARGS=--dev serves them with every edit, ARGS=--check looks at their types
	@scripts/ui.sh $(ARGS)

screenshots: setup ui ## take the pictures of README and docs again (docs/images); ARGS="live timeline" only these
	@$(BIN)/python -m scripts.screenshots $(ARGS)

docs: setup ## build the docs site into build/docs, a broken link is an error; ARGS=--serve serves it on 127.0.0.1
	@scripts/docs.sh $(ARGS)

docs-render: setup ## write what is generated anew: the engine's typed calls, ARCHITECTURE.md, docs/reference/
	@$(BIN)/python -m umbel.engine.scripts
	@$(BIN)/python scripts/render_architecture.py
	@$(BIN)/python scripts/render_reference.py
	@$(BIN)/python scripts/render_ui_client.py

lock: setup ## resolve the dependencies anew into the pinned requirements; ARGS=--upgrade
	@scripts/lock.sh $(ARGS)

clean: ## remove .venv, caches and build results (not your data)
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
