# Millrace. `make help` lists the targets.
SHELL := /bin/bash
GO ?= go
GOFLAGS ?= -buildvcs=false
export CGO_ENABLED = 0
export GOFLAGS

.DEFAULT_GOAL := check

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

build: ## write bin/millrace
	$(GO) build -trimpath -ldflags "-s -w -X main.version=$$(git describe --tags --always --dirty 2>/dev/null || echo dev)" -o bin/millrace ./cmd/millrace

demo: build ## start a server, make a cluster, stream a real data set through it with IAM
	bin/millrace demo

check: fresh lint ## before every commit: generated code, format, vet, staticcheck, the repository's rules, short tests
	$(GO) test -short ./...

generate: ## write generated code anew
	$(GO) run ./internal/gen/wire -root .
	$(GO) run ./internal/gen/aws
	$(GO) run ./internal/gen/readme
	$(GO) run ./internal/gen/coverage

fresh: generate
	@git diff --exit-code --stat -- '*_gen.go' README.md docs/coverage.md || { echo "generated code is not fresh: commit what make fresh wrote" >&2; exit 1; }

fmt: ## format every Go file
	gofmt -w $$(git ls-files '*.go')

lint: ## format, vet and staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "gofmt these files" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e ./e2e/... ./server
	$(GO) vet -C e2e/goclients .
	$(GO) tool -modfile=tools.mod staticcheck -tags e2e ./...

cross: ## the command builds for macOS too
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/millrace

race: ## unit tests under the race detector
	CGO_ENABLED=1 $(GO) test -race -short ./...

FUZZTIME ?= 1s
fuzz: ## every fuzz target for FUZZTIME, beyond its corpus
	@set -eo pipefail; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	for dir in $$(grep -rl --include=*_test.go '^func Fuzz' audit aws kafka | xargs -n1 dirname | sort -u); do \
		$(GO) test -c -fuzz=. -o "$$tmp/fuzz" "./$$dir"; \
		for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9]*).*/\1/p' $$dir/*_test.go); do \
			out=$$(cd $$dir && "$$tmp/fuzz" -test.run xxx -test.fuzz "^$$name\$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir "$$tmp/corpus/$$dir" 2>&1) || { echo "$$out"; exit 1; }; \
			echo "$$name $$(tail -n 2 <<<"$$out" | head -n 1)"; \
		done; \
	done

test: fresh lint race cross build fuzz ## everything that CI runs; installs what the tests need
	$(GO) test -count=1 ./sim/...
	$(GO) test -count=1 -tags e2e -timeout 30m -parallel 4 -v ./e2e/...
	MILLRACE_KAFKA=3.9.2 MILLRACE_REQUESTS=500 $(GO) test -count=1 -tags e2e -timeout 10m -run 'Differential$$' ./e2e/differential
	$(GO) test -count=1 -tags e2e -timeout 10m -v -run JavaTools ./server

conformance: build ## the long forms of foreign suites: franz-go's own, whole, over every listener and on breaking connections
	MILLRACE_CONFORMANCE=1 $(GO) test -count=1 -tags e2e -timeout 2h -v -run '^Test(KgoSuite|ToolsPrintTheSame|Streams|Connect|MirrorMaker|Flink|Spark|Spring|Movers)$$' ./e2e

soak: build ## the long forms: power cuts, kill -9 cycles, fuzzing
	$(GO) test -count=1 -timeout 2h ./sim -images 20000
	$(GO) test -count=1 -timeout 2h -run 'PowerCuts|StaysSmall' ./kafka/cluster -transaction-images 2000 -churned 200000 -metadata-images 2000
	@for v in 4.1.2 3.9.2 3.4.1 2.8.1; do \
		MILLRACE_KAFKA=$$v MILLRACE_REQUESTS=50000 $(GO) test -count=1 -timeout 1h -tags e2e ./e2e/differential || exit 1; \
	done
	MILLRACE_EACH_UPDATE=1 $(GO) test -count=1 -timeout 1h -tags e2e -run TerraformStack ./e2e
	MILLRACE_KILLS=500 $(GO) test -count=1 -timeout 2h -tags e2e -run Kill ./e2e/...
	MILLRACE_POLICY_CASES=1000000 $(GO) test -count=1 -timeout 2h -run Oracle ./aws/policy
	MILLRACE_AUDIT_KILLS=200 $(GO) test -count=1 -timeout 2h -tags e2e -run AuditOverKills ./e2e/...
	MILLRACE_SIGV4=100000 $(GO) test -count=1 -timeout 1h -run SDKSigner ./aws/sigv4
	$(GO) test -count=1 -timeout 1h ./audit
	$(MAKE) fuzz FUZZTIME=5m

bench: build ## Millrace beside Apache Kafka and the machine's limits, as ratios
	$(GO) run ./bench -millrace bin/millrace -kafka-jars "$$($(GO) run ./e2e/install kafka-4.4.0)"

clean: ## remove what was built and installed for tests
	rm -rf bin .cache bench.json

.PHONY: help build demo check generate fresh fmt lint cross race fuzz test conformance soak bench clean
