# What the scripts beside it say to a running engine's REST API. They source it, in the
# project's directory, and set `program`, the name that their complaints begin with.
build=${BUILD:-build}
config=${CONFIG:-config.toml}
listen=${BOXOFFICE_SERVER_LISTEN:-127.0.0.1:8080}
api=http://$listen/api/v1

fail() {
    echo "$program: $*" >&2
    exit 1
}

uuid() {
    cat /proc/sys/kernel/random/uuid
}

token() { # ROLE USER
    "$build/boxctl" --config "$config" token --role "$1" --user "$2" --ttl 86400
}

# An API call that must succeed; prints its `data`. KEY makes a repeat harmless.
call() { # METHOD PATH TOKEN [BODY [KEY]]
    local answer
    answer=$(curl -sS -X "$1" "$api$2" -H "Authorization: Bearer $3" -H 'Content-Type: application/json' \
        -H "Idempotency-Key: ${5:-$(uuid)}" ${4:+-d "$4"}) || fail "no answer to $1 $2"
    jq -e .success >/dev/null <<<"$answer" || fail "$1 $2: $answer"
    jq -c .data <<<"$answer"
}
