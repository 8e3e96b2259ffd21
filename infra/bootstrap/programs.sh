#!/bin/sh
# Makes sure that the named system programs are there: installs what is missing with apt when root, else says what
# to install. Usage: programs.sh nats-server ffmpeg …
set -eu
PATH="$PATH:/usr/sbin:/usr/local/bin"

missing=""
for program in "$@"; do
  command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

# The Debian package of each of these programs bears the program's name.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "bonfire: installing$missing with apt" >&2
  log=$(mktemp)
  # RUNLEVEL keeps the packages from starting their services: tests start servers of their own.
  if (apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing) >"$log" 2>&1; then
    rm -f "$log"
    exit 0
  fi
  cat "$log" >&2
  rm -f "$log"
fi

echo "bonfire: missing:$missing" >&2
echo "  Debian, Ubuntu: sudo apt-get install$missing" >&2
echo "  macOS:          brew install$(echo "$missing" | sed 's/redis-server/redis/')" >&2
exit 1
