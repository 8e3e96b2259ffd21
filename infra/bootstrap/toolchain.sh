#!/bin/sh
# Brings Node 24 and pnpm 10 into .tools, from the npm registry, and the workspace's packages. Needs only npm.
set -eu
cd "$(dirname "$0")/../.."

tools="$PWD/.tools"
node="$tools/node_modules/.bin/node"
version() { "$node" --version 2>/dev/null || echo none; }

case "$(version)" in v24.*) ;; *)
  echo "bonfire: bringing Node 24 and pnpm 10 into .tools" >&2
  mkdir -p "$tools"
  npm install --prefix "$tools" --no-audit --no-fund --loglevel=error node@24 pnpm@10 >&2
  case "$(version)" in v24.*) ;; *)
    echo "bonfire: npm brought no Node 24 for this platform ($(uname -sm)). Install Node 24 and pnpm 10 yourself, then run: pnpm install && pnpm build" >&2
    exit 1
  esac
esac

PATH="$tools/node_modules/.bin:$PATH"
export PATH
# Up to date installs end within a second; the lock file is never changed by it.
pnpm install --frozen-lockfile --reporter=append-only >"$tools/install.log" 2>&1 || { cat "$tools/install.log" >&2; exit 1; }
