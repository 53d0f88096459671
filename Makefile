# Plain make: works with GNU Make from 3.81 on, and a POSIX shell.

GO       ?= go
FUZZTIME ?= 60s
ARGS     ?=
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   = -s -w -X main.version=$(VERSION)
# gRPC, which the trace exporter imports, has debug pages made with html/template. They keep the linker from removing unused methods,
# which are 10 MB. This tag leaves the pages out.
TAGS      = grpcnotrace

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: test
test: needs ## run all tests with the race detector, also those with a real redis-server
	CI=true CGO_ENABLED=1 $(GO) test -race -parallel 16 ./...

.PHONY: e2e
e2e: needs ## run only the tests in a browser; their screenshots are in artifacts/
	CI=true $(GO) test -count=1 ./e2e

.PHONY: sandbox
sandbox: ## run the bot with a stand-in for giosg, and a page to chat with it
	$(GO) run ./cmd/sandbox

.PHONY: run
run: ## run the bot against giosg, with settings from the environment and from .env
	@$(GO) build -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/bot ./cmd/bot
	@set -a; if [ -f .env ]; then . ./.env; fi; set +a; exec bin/bot serve

.PHONY: lint
lint: ## check formatting, vet, staticcheck, and that go.mod is tidy
	@bad=$$(gofmt -l .) || exit 1; if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w on:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@if diff=$$($(GO) mod tidy -diff 2>/dev/null); then :; \
	elif [ -n "$$diff" ]; then echo "$$diff"; echo "go.mod or go.sum is not tidy, run: go mod tidy"; exit 1; \
	else echo "NOT CHECKED that go.mod is tidy: that takes a network"; fi

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@out=$$($(GO) test -list '^Fuzz' ./...) || { echo "$$out"; exit 1; }; \
	echo "$$out" | awk '/^Fuzz/ { name[++n] = $$1 } /^ok/ { for (i = 1; i <= n; i++) print name[i], $$2; n = 0 }' | \
	while read -r target pkg; do \
		echo "== $$pkg $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg </dev/null || exit 1; \
	done

.PHONY: chaos
chaos: ## kill, freeze, wipe and throttle everything around the bot, and count the answers; ARGS=-for=30s sets flags of cmd/chaos
	$(GO) run ./cmd/chaos $(ARGS)

.PHONY: bench
bench: ## compare the bot with a minimal program that answers; ARGS=-quick sets flags of cmd/bench
	$(GO) run ./cmd/bench $(ARGS)

.PHONY: build
build: ## build static binaries in bin/
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -tags $(TAGS) -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: docker
docker: ## build the image giosg-bot
	docker build --build-arg VERSION=$(VERSION) -t giosg-bot:$(VERSION) -t giosg-bot:latest .

.PHONY: clean
clean: ## remove binaries and screenshots
	rm -rf bin artifacts

# The tests start redis-server processes and a browser. npm installs axe-core, and the race detector needs a C compiler.
.PHONY: needs
needs: ## install the programs that the tests need
	@what=; apt=; apk=; dnf=; brew=; \
	have() { for name; do command -v "$$name" >/dev/null 2>&1 && return; done; return 1; }; \
	lacks() { what="$$what$${what:+, }$$1"; apt="$$apt $$2"; apk="$$apk $$3"; dnf="$$dnf $$4"; brew="$$brew $$5"; }; \
	browser() { have "$${CHROME:-chromium}" chromium-browser google-chrome google-chrome-stable || [ -d '/Applications/Google Chrome.app' ] || [ -d /Applications/Chromium.app ]; }; \
	have redis-server || lacks redis-server redis-server redis redis redis; \
	have "$$($(GO) env CC | cut -d' ' -f1)" || lacks 'a C compiler' 'gcc libc6-dev' 'gcc libc-dev' 'gcc glibc-devel' gcc; \
	browser || lacks Chromium chromium chromium chromium chromium; \
	have npm || lacks npm npm npm npm node; \
	[ -n "$$what" ] || exit 0; \
	echo "The tests need: $$what"; \
	if have apt-get; then install="apt-get install -y --no-install-recommends$$apt"; \
	elif have apk; then install="apk add --no-cache$$apk"; \
	elif have dnf; then install="dnf install -y$$dnf"; \
	elif have brew; then install="brew install$$brew"; \
	else echo "Install them with the system's package manager, and run make test again."; exit 1; fi; \
	as=; \
	case $$install in \
	brew*) ;; \
	*) if [ "$$(id -u)" != 0 ]; then \
		if have sudo && sudo -n true 2>/dev/null; then as="sudo -n "; \
		else echo "Run this, and make test again:  sudo $$install"; exit 1; fi; \
	fi ;; \
	esac; \
	echo "+ $$as$$install"; \
	case $$install in apt-get*) DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; $${as}apt-get update -q || echo "the package lists could not be renewed";; esac; \
	$$as$$install </dev/null || { echo "That failed. Run this by hand, and make test again:  $$as$$install"; exit 1; }; \
	have redis-server || { echo "There is still no redis-server. Put one on the PATH, and run make test again."; exit 1; }; \
	browser || { echo "There is still no Chromium. Put one on the PATH, or set CHROME to it, and run make test again."; exit 1; }
