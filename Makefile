# The two commands that a fresh machine needs: `make demo` and `make test`. Everything else is in package.json.
export PATH := $(CURDIR)/.tools/node_modules/.bin:$(PATH):/usr/sbin
export TURBO_TELEMETRY_DISABLED := 1

.PHONY: help demo test bench build clean

help:
	@echo "make demo   thumbnails of a video, on a pool of executors that grows from zero"
	@echo "make test   every test, on servers that the tests start themselves"
	@echo "make bench  speed, as ratios to a floor measured in the same run"
	@echo "make build  what the above need"
	@echo "make clean  remove what the above made"

demo: build
	@infra/bootstrap/programs.sh nats-server ffmpeg
	@cd examples/02-thumbnails && node --import @bonfire/loader main.ts

test: build
	@infra/bootstrap/programs.sh nats-server redis-server ffmpeg
	@node test/run.ts

bench: build
	@infra/bootstrap/programs.sh nats-server redis-server
	@node test/bench/run.ts

build:
	@infra/bootstrap/toolchain.sh
	@pnpm --silent build --output-logs=errors-only --log-prefix=none >.tools/build.log 2>&1 || { cat .tools/build.log >&2; exit 1; }

clean:
	rm -rf .tools .turbo node_modules */node_modules */*/node_modules */dist */*/dist
