#!/bin/sh
# Installs the programs the tests drive: a browser with a font, PostgreSQL, Redis and RabbitMQ.
#
# What is there already is left alone. What cannot be installed is named, with the tests that will
# be missing; with CI=true that is a failure, elsewhere those tests are skipped.
set -eu

here=$(dirname "$0")
# shellcheck source=scripts/find_system_programs.sh
. "$here/find_system_programs.sh"

# Debian package for each program, and what is lost without it.
package_for() {
    case $1 in
        chromium) echo chromium ;;
        fonts) echo fonts-dejavu-core ;;
        postgres) echo postgresql ;;
        redis) echo redis-server ;;
        rabbitmq) echo rabbitmq-server ;;
    esac
}

loss_without() {
    case $1 in
        chromium) echo "the browser tests and the screenshots" ;;
        fonts) echo "readable text in screenshots" ;;
        postgres) echo "the tests on PostgreSQL" ;;
        redis) echo "the tests with Redis and Celery" ;;
        rabbitmq) echo "the tests with RabbitMQ" ;;
    esac
}

missing_programs() {
    for program in chromium fonts postgres redis rabbitmq; do
        "has_$program" || echo "$program"
    done
}

missing=$(missing_programs)
if [ -z "$missing" ]; then
    echo "Browser, font, PostgreSQL, Redis and RabbitMQ are here."
    exit 0
fi

if can_apt_install; then
    echo "Fetching the list of system packages."
    as_root apt-get update -qq </dev/null || echo "The list could not be fetched; trying with the old one."
    for program in $missing; do
        echo "Installing $(package_for "$program")."
        apt_install "$(package_for "$program")" >/dev/null || true
    done
fi

missing=$(missing_programs)
if [ -z "$missing" ]; then
    echo "Browser, font, PostgreSQL, Redis and RabbitMQ are here."
    exit 0
fi

for program in $missing; do
    echo "NOT INSTALLED: $program. Without it this run lacks $(loss_without "$program")." \
        "Install it by hand (Debian: $(package_for "$program"))." >&2
done
if [ -n "${CI:-}" ]; then
    echo "A CI run must not leave tests out, so it stops here." >&2
    exit 1
fi
