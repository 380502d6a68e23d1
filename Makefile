NODE := scripts/node
BIN := node_modules/.bin
CLUSTER ?= local
DEMO ?= ordered
IMAGE ?= pulsar-kinesis-operator:dev
export AWS_EC2_METADATA_DISABLED := true

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: node_modules/.package-lock.json ## Install the locked dependencies (npm ci)

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: demo
demo: install ## The main job, end to end, on real parts (DEMO=ordered|unordered, CLUSTER=local|current)
	$(NODE) test/demo/main.ts --cluster $(CLUSTER) --pipeline $(DEMO)

.PHONY: test
test: install ## All tests, two suites at a time: most of their time is waiting
	@echo "Each suite prints its results when it is over; make test-e2e, say, prints them as they come."
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target IN_TURN=yes test-unit test-broker test-e2e test-env

# many processes start from the same sources: what Node.js made of them is kept
test-unit test-broker test-e2e test-env: export NODE_COMPILE_CACHE := $(CURDIR)/node_modules/.cache/node

ifdef IN_TURN
test-broker: | test-unit
# those that run clusters, which take a lot of memory
test-env: | test-e2e
endif

.PHONY: test-unit
test-unit: install ## Tests that need nothing but Node.js
	$(NODE) --test --test-timeout=600000 $$($(NODE) test/select.ts unit)

.PHONY: test-broker
test-broker: install ## Tests on a real Pulsar broker (needs a JDK and Maven)
	$(NODE) --test --test-concurrency=2 --test-timeout=900000 $$($(NODE) test/select.ts broker)

.PHONY: test-pulsar-versions
test-pulsar-versions: install ## What the clients promise, on each release of Pulsar in test/env/pulsar/releases.ts
	PULSAR_RELEASES=all $(NODE) --test --test-timeout=1800000 test/worker/source/conformance.broker.test.ts

.PHONY: test-e2e
test-e2e: install ## Tests on real Kubernetes, Pulsar and Kinesis parts (needs root on Debian, Go, a JDK, Maven)
	$(NODE) test/env/main.ts build --metrics
	$(NODE) --test --test-isolation=none --test-timeout=900000 --test-global-setup=test/e2e/setup.ts $$($(NODE) test/select.ts e2e)

.PHONY: test-env
test-env: install ## Tests of the local environment itself (needs what test-e2e needs)
	$(NODE) test/env/main.ts build --metrics
	$(NODE) --test --test-concurrency=1 --test-timeout=900000 $$($(NODE) test/select.ts env)

.PHONY: lint
lint: install ## Check format and lint
	$(BIN)/biome ci --error-on-warnings .

.PHONY: typecheck
typecheck: install ## Check types
	$(BIN)/tsc -p tsconfig.json

.PHONY: generate
generate: install ## Generate types, the chart's copy of the CRD, reference pages, the chart's README and pictures
	$(NODE) scripts/generate.ts
	$(NODE) scripts/generate-chart-readme.ts
	$(NODE) scripts/generate-pictures.ts

.PHONY: verify
verify: install ## Fail when something generated is out of date
	$(NODE) scripts/generate.ts --check
	$(NODE) scripts/generate-chart-readme.ts --check
	$(NODE) scripts/generate-pictures.ts --check

.PHONY: build
build: install ## Compile to dist/
	rm -rf dist
	$(BIN)/tsc -p tsconfig.build.json

.PHONY: image
image: ## Build the image with a container engine (IMAGE=name:tag)
	docker build -t $(IMAGE) .

.PHONY: env-up
env-up: install ## Start the local environment and print export lines for it
	@$(NODE) test/env/main.ts up

.PHONY: env-down
env-down: install ## Stop the local environment
	@$(NODE) test/env/main.ts down

.PHONY: bench-operator
bench-operator: install ## Measure the operator's memory, writes and CPU over fleets of sinks, against a fake API server
	$(NODE) test/bench/operator.ts

.PHONY: bench
bench: install ## Measure speed, cost and memory (scripts/node test/bench/main.ts --help tells of parts and times)
	$(NODE) test/bench/main.ts

.PHONY: fuzz
fuzz: install ## Feed every reader of foreign bytes with unsound input, ten minutes (SECONDS=, SEED=, TARGET=)
	$(NODE) test/fuzz/main.ts $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(if $(TARGET),--target $(TARGET))

.PHONY: mutations
mutations: install ## Take out what the guarantee rests on, one thing at a time, and see its test fail
	$(NODE) test/mutation/main.ts

.PHONY: soak
soak: install ## Both pipelines under load and one fault after the other, half an hour (HOURS=, SEED=; needs what test-broker needs, and root)
	$(NODE) test/soak/main.ts $(if $(HOURS),--hours $(HOURS)) $(if $(SEED),--seed $(SEED))

.PHONY: clean
clean: ## Remove what was built here (not the cache outside the checkout)
	rm -rf dist node_modules
