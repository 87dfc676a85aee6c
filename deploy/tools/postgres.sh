#!/usr/bin/env bash
# Runs a command with "--database URL" of a PostgreSQL of its own behind it: an
# empty database, reached over a unix socket, gone afterwards. Runs the command as it
# is where PostgreSQL is not installed.
set -euo pipefail

initdb=$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1 || true)
bin=$(dirname "$(readlink -f "$initdb")") # its sister programs need not be in the PATH
if [ ! -x "$bin/initdb" ]; then
  echo "PostgreSQL is not installed: going on without" >&2
  exec "$@"
fi
dir=$(mktemp -d)
as=()
if [ "$(id -u)" -eq 0 ]; then # which PostgreSQL refuses to be
  chown postgres "$dir"
  as=(setpriv --reuid postgres --regid postgres --clear-groups)
fi
cleanup() {
  [ ! -s "$dir/data/postmaster.pid" ] || "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m fast -s stop || true
  rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir"
"${as[@]}" "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --encoding=UTF8 --no-locale >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -s -w -l "$dir/data/log" -o "-k '$dir' -c listen_addresses=''" start
"${as[@]}" "$bin/createdb" -h "$dir" -U postgres presage
cd - >/dev/null
"$@" --database "postgres://postgres@/presage?host=$dir"
