# Thin wrappers: each target is one command you could type yourself. `make` alone lists them.
# Needed: Python 3.11+, make and a package index. Variables: env.example.

PYTHON   ?= python3
VENV     ?= .venv
PRODUCTS ?= 1000
export PRODUCTS

RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help up down reset demo migrate bench openapi test test-slow browser-test check lock ci clean

# Makes or completes the virtual environment; does nothing when the locked requirements did not change.
define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "kiosk: Python 3.11 or newer is needed; $(PYTHON) says: $$($(PYTHON) -V 2>&1 | tail -1)." \
       "Name another: make $@ PYTHON=python3.12" >&2; exit 1; }
@$(PYTHON) ops/venv.py $(VENV) $(1)
endef

##@ Run the store

up: ## start everything on this machine and follow the logs; PORT=9000 moves it
	$(call install,local)
	@exec $(RUN) -m ops.local up

down: ## stop what `make up` started in another terminal
	$(call install,local)
	@exec $(RUN) -m ops.local down

reset: ## empty the data of this clone; asks nothing
	$(call install,local)
	@exec $(RUN) -m ops.local reset

demo: ## load the demo catalog into the running store; PRODUCTS=1000
	$(call install,local)
	@exec $(RUN) -m ops.local run ops.demo --products $(PRODUCTS)

migrate: ## bring DATABASE_URL, or else the running store's database, to this release
	$(call install,local)
	@exec $(RUN) -m ops.local run ops.migrate

##@ Look at it

bench: ## measure lists, products and search beside a bare answer
	$(call install,local)
	@exec $(RUN) -m bench

openapi: ## write the OpenAPI document anew from the route tables
	$(call install,local)
	@exec $(RUN) -m ops.openapi

##@ Work on it

test: ## every test but the slow ones and the browser's; ARGS="-k cart" chooses
	$(call install,dev)
	@exec $(RUN) -m pytest -m "not slow and not browser" $(ARGS)

test-slow: ## the slow tests and the browser's
	$(call install,dev)
	@exec $(RUN) -m pytest -m "slow or browser" $(ARGS)

browser-test: ## a shopper in a real Chromium
	$(call install,dev)
	@exec $(RUN) -m pytest -m browser $(ARGS)

check: ## lint, format, types, and known holes in what we depend on
	$(call install,dev)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@$(RUN) -m pip_audit --disable-pip --require-hashes -r requirements/dev.txt --progress-spinner off

lock: ## resolve requirements/*.in anew, with hashes; ARGS=--upgrade takes newer versions
	$(call install,dev)
	@for set in runtime local dev; do \
	  $(RUN) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-header --no-emit-index-url --no-emit-find-links --quiet $(ARGS) \
	    requirements/$$set.in -o requirements/$$set.txt || exit 1; done

ci: ## all of CI, as it runs
	@exec bash .ci/run

clean: ## remove the virtual environment and what tools left; data stays, see `make reset`
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find services ops bench tests -name __pycache__ -prune -exec rm -rf {} +

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
