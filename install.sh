#!/usr/bin/env bash
# Installs the Debian packages that are missing: install.sh [build] [test] [bench].
# Says nothing and takes no time when all are there.
set -euo pipefail

packages_of() {
    case $1 in
    build) # to compile and to run the demo
        echo gcc g++ make ca-certificates curl jq util-linux \
            liburing-dev libpq-dev libxxhash-dev libmsgpack-dev libjemalloc-dev libssl-dev \
            libsimdjson-dev libtomlplusplus-dev libyajl-dev node-llhttp ;;
    test) # checkers, unit tests, and a PostgreSQL that the tests start themselves
        echo clang clang-format clang-tidy cppcheck libclang-rt-14-dev libcmocka-dev \
            postgresql-15 postgresql-client-15 python3 python3-yaml procps ;;
    bench) # what Boxoffice is compared with
        echo nginx-light redis-server redis-tools wrk postgresql-15 python3 ;;
    *)
        echo "install.sh: no group '$1'; there are build, test and bench" >&2
        exit 64 ;;
    esac
}

missing=()
for group in "${@:-build}"; do
    list=$(packages_of "$group")
    for package in $list; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi

# Debian starts a server when it is installed. We want the programs, not the
# servers, so starting is refused while we install; a policy that is already
# there is somebody's and stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    trap '"${as_root[@]}" rm -f $policy' EXIT
fi

echo "Installing: ${missing[*]}" >&2
quiet=(-qq -o Dpkg::Use-Pty=0)
"${as_root[@]}" apt-get "${quiet[@]}" update >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" install -y \
    --no-install-recommends "${missing[@]}" </dev/null >&2

# Nor shall they start at the next boot.
if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
        case $package in
        nginx-light) service=nginx ;;
        redis-server) service=redis-server ;;
        postgresql-15) service=postgresql ;;
        *) continue ;;
        esac
        "${as_root[@]}" systemctl disable --now "$service" >&2 || true
    done
fi
