#!/usr/bin/env bash
# `make run`: starts the engine on config.toml in the foreground, puts a demo event
# on sale through the REST API, and prints what to try. On the second start the
# event is found instead. Ctrl-C stops the engine cleanly.
#
# BOXOFFICE_<SECTION>_<KEY> works here as with the engine itself.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

program="make run"
. admin/api.sh
data=${BOXOFFICE_STORAGE_DATA_DIR:-data}
slug=demo-night
organizer=00000000-0000-4000-8000-00000000d340 # the demo's own
# A newcomer's disk may refuse O_DIRECT; the demo then goes on with a warning.
export BOXOFFICE_STORAGE_ALLOW_BUFFERED=${BOXOFFICE_STORAGE_ALLOW_BUFFERED:-true}

# Starts the engine; a terminal's Ctrl-C reaches this script, which asks once.
start() {
    local init=()
    [ -e "$data" ] || init=(--init)
    setsid setpriv --pdeathsig TERM "$build/boxoffice" --config "$config" "${init[@]}" &
    engine=$!
    trap 'kill -TERM "$engine" 2>/dev/null || true' INT TERM HUP EXIT
    local tries=0
    until [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$listen/ready" || true)" = 200 ]; do
        kill -0 "$engine" 2>/dev/null || { wait "$engine" || exit $?; exit 1; }
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "the engine is not ready after a minute"
        sleep 0.1
    done
}

# Prints the id of the first thing at PATH, or nothing.
first() { # PATH TOKEN FILTER
    curl -sS "$api$1" -H "Authorization: Bearer $2" | jq -r "$3 // empty"
}

# Prints the id of the demo's first zone. Event, show and zone are made where they
# are missing, each on its own: an earlier start may have been cut short.
zone() {
    local owner event show zone
    owner=$(token organizer "$organizer")
    event=$(first "/events/$slug" "$owner" .data.id)
    [ -n "$event" ] || event=$(call POST /events "$owner" "{\"title\":\"Demo night\",
        \"slug\":\"$slug\",\"venue\":\"Lumpini Hall\",\"city\":\"Bangkok\",\"max_per_user\":10}" |
        jq -r .id)
    show=$(first "/events/$event/shows" "$owner" '.data[0].id')
    [ -n "$show" ] || show=$(call POST "/events/$event/shows" "$owner" \
        '{"name":"Friday","show_date":"2030-06-07T20:00:00.000Z"}' | jq -r .id)
    zone=$(first "/shows/$show/zones" "$owner" '.data[0].id')
    [ -n "$zone" ] || zone=$(call POST "/shows/$show/zones" "$owner" '{"name":"Standing",
        "kind":"general","price":1500.00,"currency":"THB","total_seats":5000}' | jq -r .id)
    [ "$(first "/events/$slug" "$owner" .data.status)" = published ] ||
        call POST "/events/$event/publish" "$owner" >/dev/null
    echo "$zone"
}

print_next() { # ZONE TOKEN
    cat <<TEXT

Boxoffice serves on http://$listen and a demo event is on sale. In another terminal:

1. Reserve two tickets (run it twice: the same key gets the same answer)
curl -i -w '\n' $api/bookings/reserve -H 'Authorization: Bearer $2' -H 'Content-Type: application/json' -H 'Idempotency-Key: first-try' -d '{"zone_id":"$1","quantity":2}'

2. Confirm every reservation of this buyer
curl -s $api/bookings/pending -H 'Authorization: Bearer $2' | jq -r '.data[].booking_id' | xargs -I{} curl -w '\n' -X POST $api/bookings/{}/confirm -H 'Authorization: Bearer $2'

3. See what is left
curl -w '\n' $api/zones/$1

Inside: $build/boxctl shards, $build/boxctl top. Ctrl-C stops.

TEXT
}

start
zone=$(zone)
print_next "$zone" "$(token user "$(uuid)")"
# The first wait ends when a signal arrives, the second when the engine has.
status=0
wait "$engine" || status=$?
if kill -0 "$engine" 2>/dev/null; then
    status=0
    wait "$engine" || status=$?
fi
exit "$status"
