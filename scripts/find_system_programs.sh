# shellcheck shell=sh
# Shared by the scripts beside it; meant to be sourced. Tells what is on this machine.

has_chromium() {
    [ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ] && return 0
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
        command -v google-chrome >/dev/null 2>&1
}

has_postgres() {
    command -v initdb >/dev/null 2>&1 && return 0
    # Debian and Ubuntu keep the server's programs off the PATH, one folder per version.
    for program in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$program" ] && return 0
    done
    return 1
}

has_redis() {
    command -v redis-server >/dev/null 2>&1
}

has_rabbitmq() {
    # Debian's command on the PATH insists on a user and folders of its own; this is what it calls.
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]
}

has_fonts() {
    # Without any font Chromium draws empty boxes, and screenshots show nothing.
    [ -n "$(find /usr/share/fonts /usr/local/share/fonts \
        \( -name '*.ttf' -o -name '*.otf' -o -name '*.ttc' \) 2>/dev/null | head -n 1)" ]
}

# Runs a command as root: directly, or through sudo. Fails where neither is possible.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        return 1
    fi
}

can_apt_install() {
    command -v apt-get >/dev/null 2>&1 &&
        { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1; }
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        </dev/null
}
