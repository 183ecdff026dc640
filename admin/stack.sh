#!/usr/bin/env bash
# `make stack`: a private PostgreSQL under ./run, the engine with its demo event,
# and the mirror that writes the engine's log into PostgreSQL. Ctrl-C stops all
# three in reverse order, and so does `make stack-stop` from another terminal. The database listens on a Unix socket only.
set -euo pipefail
cd "$(dirname "$0")/.."

program="make stack"
. admin/api.sh
run=$PWD/run
postgres=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to be root; Debian made a user for it.
as_postgres=()
if [ "$(id -u)" -eq 0 ]; then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups env -C / HOME=/)
fi

cluster_make() {
    [ ! -e "$run/postgres/PG_VERSION" ] || return 0
    mkdir -p "$run/postgres"
    chmod 700 "$run/postgres"
    [ ${#as_postgres[@]} -eq 0 ] || chown postgres:postgres "$run/postgres"
    # Whoever may enter the directory with the socket may log in: mode 0700.
    "${as_postgres[@]}" "$postgres/initdb" -D "$run/postgres" -U boxoffice -A trust -E UTF8 \
        --no-locale >"$run/initdb.log" 2>&1 ||
        fail "initdb: $(tail -n 1 "$run/initdb.log") (see run/initdb.log; can the user postgres reach $run?)"
}

cluster_start() {
    cluster_make
    # One that outlived a killed stack is simply used.
    "${as_postgres[@]}" "$postgres/pg_ctl" -D "$run/postgres" status >/dev/null 2>&1 ||
        "${as_postgres[@]}" "$postgres/pg_ctl" -D "$run/postgres" -w -s -l "$run/postgres/server.log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$run/postgres'" start ||
        fail "PostgreSQL does not start: see run/postgres/server.log"
    database="host=$run/postgres user=boxoffice dbname=boxoffice"
    psql -Atq "host=$run/postgres user=boxoffice dbname=postgres" \
        -c "select 1 from pg_database where datname = 'boxoffice'" | grep -q 1 ||
        createdb -h "$run/postgres" -U boxoffice boxoffice
}

stop() {
    trap - EXIT INT TERM HUP
    for pid in ${mirror:-} ${engine:-}; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    "${as_postgres[@]}" "$postgres/pg_ctl" -D "$run/postgres" -s -m fast stop || true
    rm -f "$run/stack.pid"
    echo "make stack: stopped"
}

# Asks a running stack to stop and waits until it has.
stop_other() {
    local pid
    pid=$(cat "$run/stack.pid" 2>/dev/null) && grep -qs stack.sh "/proc/$pid/cmdline" ||
        fail "no stack runs here"
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

if [ "${1:-}" = stop ]; then
    stop_other
    exit 0
fi
mkdir -p "$run"
! grep -qs stack.sh "/proc/$(cat "$run/stack.pid" 2>/dev/null || echo none)/cmdline" ||
    fail "a stack runs here already; make stack-stop stops it"
echo $$ >"$run/stack.pid"
[ ${#run} -le 80 ] || fail "the path $run is too long for a Unix socket"
trap 'stop; exit 1' EXIT
trap 'stop; exit 0' INT TERM HUP
cluster_start
setsid admin/demo.sh &
engine=$!
until [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$listen/ready" || true)" = 200 ]; do
    kill -0 "$engine" 2>/dev/null || exit 1
    sleep 0.1
done
BOXOFFICE_MIRROR_POSTGRES=$database setsid setpriv --pdeathsig TERM \
    "$build/boxreplay" mirror --config "$config" &
mirror=$!
echo "make stack: the mirror is on: psql '$database'"
wait -n "$engine" "$mirror" || true
fail "the engine or the mirror has ended"
