#!/usr/bin/env bash
# A small railway on a running engine (`make run` in another terminal): Dhaka to
# Chittagong with branches to Sylhet and to Noakhali, trips on the days to come, in
# each a seated class, a sleeper and standing places with prices by segment; made
# through the REST API. Prints what to try. A second run finds what the first made.
#
# DAYS (default 3) from tomorrow on. BOXOFFICE_<SECTION>_<KEY> as with the engine.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

program=railway
. admin/api.sh
days=${DAYS:-3}
organizer=00000000-0000-4000-8000-00000000d341 # the railway's own
offset=+06:00                                  # Bangladesh

post() { # PATH BODY [KEY]
    call POST "$1" "$owner" "$2" "${3:-}"
}

# A station by its code, made where it is missing.
station() { # CODE NAME
    local known
    known=$(curl -sS "$api/stations?per_page=100" | jq -r --arg code "$1" '.data[] | select(.code == $code).id')
    [ -n "$known" ] || post /stations "{\"code\":\"$1\",\"name\":\"$2\"}" >/dev/null
}

# Prints the id of a route by its name, made where it is missing.
route() { # NAME CODE...
    local name=$1 known
    shift
    known=$(curl -sS "$api/routes?per_page=100" |
        jq -r --arg name "$name" '[.data[] | select(.name == $name).id][0] // empty')
    [ -n "$known" ] || known=$(post /routes \
        "$(jq -nc --arg name "$name" '{name: $name, stations: $ARGS.positional}' --args "$@")" | jq -r .id)
    echo "$known"
}

# Prints the event a line's trips belong to.
line() { # SLUG TITLE
    local known
    known=$(curl -sS "$api/events/$1" | jq -r '.data.id // empty')
    if [ -z "$known" ]; then
        known=$(post /events "{\"slug\":\"$1\",\"title\":\"$2\",\"max_per_user\":100}" | jq -r .id)
        post "/events/$known/publish" '{}' >/dev/null
    fi
    echo "$known"
}

# One trip with its classes. Minutes are those from the departure to each stop; prices
# in taka for each segment.
trip() { # EVENT ROUTE NAME DATE TIME MINUTES PRICES
    local stops show key=railway-$3-$4
    stops=$(jq -nc --arg start "$4T$5:00Z" --argjson minutes "$6" '(($start | fromdate) - 21600) as $first |
        [$minutes[] | {arrives_at: ($first + . * 60 | todate), departs_at: ($first + . * 60 + 120 | todate)}]')
    show=$(post "/events/$1/shows" "{\"route_id\":\"$2\",\"name\":\"$3\",\"stops\":$stops}" "$key" | jq -r .id)
    post "/shows/$show/zones" "$(jq -nc --argjson prices "$7" '{name: "Chair", kind: "seated", currency: "BDT",
        segment_prices: $prices, rows: [{rows: "1..20", seats: "1..5", gaps_after: [2]}]}')" "$key-chair" >/dev/null
    post "/shows/$show/zones" "$(jq -nc --argjson prices "$7" '{name: "Sleeper", kind: "seated", currency: "BDT",
        segment_prices: [$prices[] * 2], rows: [{rows: "A..H", seats: ["1..2", "3..4"], gaps_after: [2]}]}')" \
        "$key-sleeper" >/dev/null
    post "/shows/$show/zones" "$(jq -nc --argjson prices "$7" '{name: "Standing", total_seats: 60, currency: "BDT",
        segment_prices: [$prices[] * 0.5 | floor]}')" "$key-standing" >/dev/null
    echo "$show"
}

owner=$(token organizer "$organizer")
while read -r code name; do
    station "$code" "$name"
done <<'STATIONS'
DHA Dhaka Kamalapur
BDB Bhairab Bazar
AKH Akhaura
CML Cumilla
LKS Laksam
FNI Feni
CTG Chittagong
SRM Sreemangal
SYL Sylhet
MJD Maijdee
NKH Noakhali
STATIONS

south=$(route 'Dhaka - Chittagong' DHA BDB AKH CML LKS FNI CTG)
north=$(route 'Chittagong - Dhaka' CTG FNI LKS CML AKH BDB DHA)
sylhet=$(route 'Dhaka - Sylhet' DHA BDB AKH SRM SYL)
noakhali=$(route 'Dhaka - Noakhali' DHA BDB AKH CML LKS MJD NKH)
event=$(line bangladesh-railway 'Bangladesh Railway')
count=0
for ((day = 1; day <= days; day++)); do
    date=$(date -u -d "+$day day" +%F)
    trip "$event" "$south" Subarna "$date" 07:00 '[0,75,125,185,215,265,330]' '[105,60,90,40,75,120]' >/dev/null
    trip "$event" "$south" Turna "$date" 23:15 '[0,80,140,205,240,295,370]' '[105,60,90,40,75,120]' >/dev/null
    trip "$event" "$north" Mahanagar "$date" 12:30 '[0,65,115,145,205,255,330]' '[120,75,40,90,60,105]' >/dev/null
    trip "$event" "$sylhet" Parabat "$date" 06:20 '[0,80,140,270,395]' '[105,60,150,130]' >/dev/null
    trip "$event" "$noakhali" Upakul "$date" 15:20 '[0,80,140,205,240,300,330]' '[105,60,90,40,70,30]' >/dev/null
    count=$((count + 5))
done

date=$(date -u -d '+1 day' +%F)
search="$api/trips?from=AKH&to=FNI&date=$date&tz_offset=${offset/+/%2B}"
found=$(curl -sS "$search")
zone=$(jq -r '.data[0].classes[0].zone_id // empty' <<<"$found")
[ -n "$zone" ] || fail "no trip from AKH to FNI: $found"
cat <<TEXT

$count trips on $days days. To try:

1. Trips from Akhaura to Feni, with what is left and what it costs on that way
curl -s '$search' | jq '.data[] | {name, departs_at, arrives_at, classes}'

2. Reserve two chairs side by side on the first of them, from Akhaura to Feni
curl -w '\n' $api/bookings/reserve -H 'Authorization: Bearer $(token user "$(uuid)")' -H 'Content-Type: application/json' -d '{"zone_id":"$zone","quantity":2,"from_stop":"AKH","to_stop":"FNI"}'

3. The same chairs are still free from Dhaka to Akhaura
curl -s '$api/zones/$zone/seats?from_stop=DHA&to_stop=AKH' | jq -r '.data.rows[] | "\(.label): \([.seats[].state] | join(" "))"'

TEXT
