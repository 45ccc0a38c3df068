# What a developer runs. `make check` is what CI runs.

GO ?= go
PACKAGES ?= ./...

.DEFAULT_GOAL := help
.PHONY: help build test race lint fmt vet check demo cross ci update clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

build: ## Build the static binary ./hub
	CGO_ENABLED=0 $(GO) build -trimpath -o hub ./cmd/hub

test: ## Run all tests
	$(GO) test $(PACKAGES)

race: ## Run all tests under the race detector
	$(GO) test -race $(PACKAGES)

fmt: ## Fail where gofmt would change a file
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }

vet: ## Run go vet
	$(GO) vet $(PACKAGES)

lint: ## Run golangci-lint where it is installed
	@if command -v golangci-lint >/dev/null; then golangci-lint run; else echo "golangci-lint is not installed: skipped"; fi

cross: ## Build for every system that Hub runs on
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "$$os/$$arch"; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/hub || exit 1; \
	done; done

check: fmt vet lint test race ## Everything that must hold before a change is merged

demo: ## Run the demo
	$(GO) run ./cmd/hub demo

update: ## Rewrite the expected files of the tests; read the diff afterwards
	$(GO) test ./config -update

ci: ## Run what CI runs, with a PostgreSQL of its own
	.ci/run

clean: ## Remove what builds and demos leave behind
	rm -rf hub hub-data
