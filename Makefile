# Everything here is plain Go; `make help` lists what there is.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -X github.com/queueferry/queueferry/internal/telemetry.version=$(VERSION)
FUZZTIME ?= 30s
IMAGE    ?= queueferry:$(VERSION)
LINTER   := bin/golangci-lint

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the commands into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/ ./cmd/...

.PHONY: test
test: ## Run the tests
	go test ./...

.PHONY: race
race: ## Run the tests with the race detector
	go test -race ./...

.PHONY: lint
lint: $(LINTER) ## Run the linters of .golangci.yml
	$(LINTER) run ./...

$(LINTER): tools/go.mod tools/go.sum
	go -C tools build -o ../$(LINTER) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: sandbox
sandbox: ## Watch the whole thing work, on simulated orchestrators
	go run ./cmd/sandbox

.PHONY: faults
faults: ## Send 1,500 requests through faults with each of ten seeds, and print the books
	go test ./integration -count=1 -timeout 30m -v -run TestMixedFaults -seeds 10 -requests 1500

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (30s)
	@grep -roE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . \
	| sed -E 's|^(.*)/[^/]+:func (.*)$$|\1 \2|' \
	| while read -r dir name; do \
		echo "$$name in $$dir"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir" || exit 1; \
	done

.PHONY: bench
bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: mutations
mutations: ## Break each promise on purpose, and see its test fail
	go -C tools run ./mutate

.PHONY: oauthpeer
oauthpeer: ## Log in to a certified OAuth 2.0 server (needs Node.js and npm)
	npm --prefix tools/oauthpeer install
	go test ./integration -tags oauthpeer -count=1 -v -run '^TestOAuthPeer'

.PHONY: ci
ci: ## Run all that the CI runs
	bash .ci/run

.PHONY: image
image: ## Build the container image
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE) .
