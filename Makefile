# What one types here. Each target is a script in dev/ or one line; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test faults check fmt fleet fleet-test bench images-test alerts-test logs-test pipeline-test openapi dashboards page share doctor clean

help:     ## list the targets
	@sed -n 's/^\([a-z-]*\): *## \(.*\)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 21

run:      ## install what is missing, build, start on http://127.0.0.1:8080 with demo content
	@dev/run

test:     ## install what the tests need and run all of them
	@dev/test

faults:   ## kill, freeze, cut and fill everything for an hour, and look whether anything is lost
	@dev/faults

check:    ## format, lints, licences, types: all that needs no running
	@dev/check

fmt:      ## format the Rust code
	cargo fmt --all

fleet:    ## a whole fleet on this machine: PostgreSQL, NATS, S3 and fourteen processes, until Ctrl-C
	@dev/fleet

fleet-test: ## the product's whole test suite against such a fleet
	@dev/fleet-test

bench:    ## measure, and write bench/RESULTS.md
	@dev/bench $(ARGS)

images-test: ## build the images of deploy/Containerfile, start them, and look whether they keep what they promise
	@dev/images-test

alerts-test: ## test every alert, then kill the server until a real one arrives
	@dev/alerts-test

logs-test: ## send log lines through rsyslog to a search server, and find them
	@dev/logs-test

pipeline-test: ## run each step of a release against a cluster that only answers
	@dev/pipeline-test

dashboards: ## write Grafana's dashboards anew from the table in dev/dashboards
	@dev/dashboards

openapi:  ## write docs/openapi.json, the other generated docs and the page's types anew
	UPDATE=1 cargo test --locked --package tutti --bin tutti
	@dev/page --modules
	cd web && npm run --silent gen:api && npm run --silent gen:console

page:     ## build the page into web/dist
	@dev/page

share:    ## write shell completions and manual pages into target/share
	@cargo build --quiet --locked --package tutti
	@dev/share

doctor:   ## say what is missing on this machine, and how to get it
	@cargo run --quiet --locked --package tutti -- doctor

clean:    ## remove what was built (not the data folder)
	cargo clean
	rm -rf .tools web/dist web/node_modules dev/*/node_modules
