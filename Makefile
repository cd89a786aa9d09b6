# Thin wrappers: each target is one command you could type yourself. `make` alone lists them.
# Needed: Python 3.11+, make and a package index. Variables: env.example.

PYTHON   ?= python3
VENV     ?= .venv
# What the jobs are measured beside, which must never meet what they are made of.
PEERS_VENV ?= .venv-bench
PRODUCTS ?= 1000
export PRODUCTS
# Where the verbs for production work: .env.production, or .env.staging with TO=staging.
TO       ?= production
# Tests wait more than they compute: three at a time keep two cores busy.
TEST_WORKERS ?= 3
# A stack is eight Pythons; without bytecode on disk each of them would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help up down reset demo import jobs limits migrate check-invariants doctor bench bench-jobs openapi \
  deploy plan rollback releases status logs shell scale reboot maintenance on off lock unlock backup restore \
  test test-slow test-deploy soak soak-deploy soak-jobs soak-inputs browser-test check sbom requirements ci clean

# Makes or completes the virtual environment; does nothing when the locked requirements did not change.
define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "kiosk: Python 3.11 or newer is needed; $(PYTHON) says: $$($(PYTHON) -V 2>&1 | tail -1)." \
       "Name another: make $@ PYTHON=python3.12" >&2; exit 1; }
@$(PYTHON) ops/venv.py $(VENV) $(1)
endef

# $(call option,--name,VALUE): the option when there is a value. Values are quoted by shell rules, not by make's.
option = $(if $(2),$(1) '$(subst ','\'',$(2))')
# $(call needed,NAME,example): stops with the way to call it when the variable is not set.
needed = $(if $($(1)),,$(error $(1) is not set: make $@ $(2)))
# $(call production,verb,options): one verb of python -m ops.deploy.
define production
$(call install,local)
@exec $(RUN) -m ops.deploy $(1) --to '$(TO)' $(2)
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

import: ## stream products into the running store; FILE=products.ndjson
	$(call install,local)
	@exec $(RUN) -m ops.import_products $(if $(FILE),"$(FILE)",$(error FILE is not set: make import FILE=products.ndjson))

jobs: ## steer the running store's jobs; ARGS="queues", ARGS="retry --all --state dead"
	$(call install,local)
	@exec $(RUN) -m ops.local run services.jobs $(or $(ARGS),--help)

limits: ## rules, counters and bans of the running store; ARGS="unban 192.0.2.7"
	$(call install,local)
	@exec $(RUN) -m ops.local run services.limits $(ARGS)

migrate: ## bring DATABASE_URL, or else the running store's database, to this release
	$(call install,local)
	@exec $(RUN) -m ops.local run ops.migrate

check-invariants: ## what must hold in any shop: stock, orders, payments, jobs; of DATABASE_URL or the running store
	$(call install,local)
	@exec $(RUN) -m ops.local run ops.check_invariants

doctor: ## is the store well, and what to do if not; the running one, or TO=production
	$(call install,local)
	@exec $(RUN) -m ops.doctor $(if $(filter-out file,$(origin TO)),--to '$(TO)') $(ARGS)

##@ Run it in production (TO=staging reads .env.staging)

deploy: ## build what is committed and swap it in without losing a request; FORCE=yes also when the store fails
	$(call production,deploy,$(if $(FORCE),--force))

plan: ## what a deploy would change; builds and changes nothing
	$(call production,plan)

rollback: ## back to the release before, or to TO_RELEASE=20260101-120000-abc1234
	$(call production,rollback,$(call option,--release,$(TO_RELEASE)))

releases: ## what was deployed when, by whom, and what came of it
	$(call production,releases,$(if $(JSON),--json))

status: ## services, versions, replicas, health, recent errors
	$(call production,status,$(if $(JSON),--json))

logs: ## of one service or all; SERVICE=catalog SINCE=10m GREP=error FOLLOW=yes
	$(call production,logs,$(call option,--service,$(SERVICE)) $(call option,--since,$(SINCE)) \
	  $(call option,--grep,$(GREP)) $(if $(FOLLOW),--follow))

shell: ## a shell in a running container; SERVICE=catalog, or SERVICE=postgres for psql
	$(call needed,SERVICE,SERVICE=catalog)$(call production,shell,$(call option,--service,$(SERVICE)))

scale: ## SERVICE=catalog REPLICAS=3, until the next deploy
	$(call needed,SERVICE,SERVICE=catalog REPLICAS=3)$(call needed,REPLICAS,SERVICE=catalog REPLICAS=3)$(call \
	  production,scale,$(call option,--service,$(SERVICE)) $(call option,--replicas,$(REPLICAS)))

reboot: ## restart SERVICE=redis with its present settings; postgres and traefik want CONFIRM=yes
	$(call needed,SERVICE,SERVICE=redis)$(call production,reboot,$(call \
	  option,--service,$(SERVICE)) $(call option,--confirm,$(CONFIRM)))

maintenance: ## `make maintenance on` or `off`: a 503 page with Retry-After, webhooks stay; MESSAGE="back at 9"
	$(call production,maintenance,$(call option,--message,$(MESSAGE)) \
	  $(call option,--retry-after-seconds,$(RETRY_AFTER_SECONDS)) $(filter on off,$(MAKECMDGOALS)))

on off:
	@:

lock: ## keep everybody from deploying; MESSAGE="moving the database". Without: who holds the lock
	$(call production,lock,$(call option,--message,$(MESSAGE)))

unlock: ## take the lock away; CONFIRM=yes even from a deploy at work
	$(call production,unlock,$(if $(CONFIRM),--force))

backup: ## pg_dump into a file of this machine; FILE=backups/shop.dump
	$(call production,backup,$(call option,--file,$(FILE)))

restore: ## a file of `make backup` into the database; FILE=backups/shop.dump CONFIRM=yes
	$(call needed,FILE,FILE=backups/shop.dump)$(call production,restore,$(call \
	  option,--file,$(FILE)) $(call option,--confirm,$(CONFIRM)))

##@ Look at it

bench: ## lists, products and search beside a bare answer; orders beside pgbench
	$(call install,local)
	@$(RUN) -m bench
	@exec $(RUN) -m bench.orders

bench-jobs: ## both job backends beside dramatiq, Celery, Procrastinate and RQ, and the limits; ARGS="--rounds 3"
	$(call install,local)
	@$(PYTHON) ops/venv.py $(PEERS_VENV) bench_jobs
	@exec $(RUN) -m bench.jobs --peers $(PEERS_VENV) $(ARGS)

openapi: ## write the OpenAPI document anew from the route tables
	$(call install,local)
	@exec $(RUN) -m ops.openapi

##@ Work on it

test: ## every test but the slow ones, the browser's and Docker's; ARGS="-k cart" chooses
	$(call install,dev)
	@exec $(RUN) -m pytest -n $(TEST_WORKERS) --dist loadscope -m "not slow and not browser and not docker" $(ARGS)

# The second run is of those that want the machine for themselves. (5: ARGS chose none of the others.)
test-slow: ## the slow tests and the browser's
	$(call install,dev)
	@$(RUN) -m pytest -n 2 --dist loadfile -m "(slow or browser) and not alone and not docker" $(ARGS) || test $$? = 5
	@exec $(RUN) -m pytest -m "(slow or browser) and alone and not docker" $(ARGS)

test-deploy: ## images, compose and deploys on real Docker engines of their own; as root
	$(call install,dev)
	@exec $(RUN) -m pytest -m docker $(ARGS)

soak-deploy: ## DEPLOYS=20 deploys in a row under load, as root; prints the figures
	$(call install,dev)
	@exec env DEPLOYS=$(or $(DEPLOYS),20) $(RUN) -m pytest -s -m docker tests/deploy/test_deploys.py $(ARGS)

soak-jobs: ## KILLS=200 workers killed at random under a load of durable jobs; prints the figures
	$(call install,dev)
	@exec env KILLS=$(or $(KILLS),200) $(RUN) -m pytest -s -m slow tests/faults/test_killed_workers.py $(ARGS)

soak-inputs: ## BAD_INPUTS=100000 bad inputs to a running store; prints the figures; SEED=7
	$(call install,dev)
	@exec env BAD_INPUTS=$(or $(BAD_INPUTS),100000) $(RUN) -m pytest -s tests/security/test_bad_inputs.py $(ARGS)

soak: ## SOAK_SECONDS=1800 of a whole store under load while all it stands on fails; prints the figures
	$(call install,dev)
	@exec env SOAK_SECONDS=$(or $(SOAK_SECONDS),1800) $(RUN) -m pytest -s -m slow tests/faults/test_soak.py $(ARGS)

browser-test: ## a shopper in a real Chromium
	$(call install,dev)
	@exec $(RUN) -m pytest -m browser $(ARGS)

check: ## lint, format, types, migrations that only add, our own rules, and known holes in what we depend on
	$(call install,dev)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@$(RUN) -m ops.migration_lint
	@$(RUN) -m ops.code_rules
	@$(RUN) -m pip_audit --disable-pip --require-hashes --progress-spinner off \
	  -r requirements/dev.txt -r requirements/build.txt -r requirements/compose.txt

sbom: ## what the image is made of, as CycloneDX JSON on standard output; ARGS="runtime dev" names sets
	@$(RUN) -m ops.sbom $(ARGS)

requirements: ## resolve requirements/*.in anew, with hashes; ARGS=--upgrade takes newer versions
	$(call install,dev)
	@for set in runtime local dev build compose bench_jobs; do \
	  $(RUN) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-header --no-emit-index-url --no-emit-find-links --quiet $(ARGS) \
	    requirements/$$set.in -o requirements/$$set.txt || exit 1; done

ci: ## all of CI, as it runs
	@exec bash .ci/run

clean: ## remove the virtual environment and what tools left; data stays, see `make reset`
	@rm -rf $(VENV) $(PEERS_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find services ops bench tests -name __pycache__ -prune -exec rm -rf {} +

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
