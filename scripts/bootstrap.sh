#!/bin/sh
# Makes the virtual environment and installs the plugin into it, from this checkout.
#
# Usage: bootstrap.sh FOLDER EXTRAS      for example: bootstrap.sh .venv demo
set -eu

folder=$1
extras=$2
here=$(dirname "$0")
# shellcheck source=scripts/find_system_programs.sh
. "$here/find_system_programs.sh"

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && is_new_enough "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    echo "This needs Python 3.11 or later, and none was found." \
        "Name one with PYTHON=/path/to/python make ..." >&2
    return 1
}

make_environment() {
    echo "Making a virtual environment in $folder."
    if "$python" -m venv "$folder" >/dev/null 2>&1; then
        return 0
    fi
    # Debian splits the module that puts pip into a new environment off into its own package.
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "This Python cannot make environments yet. Installing python$version-venv."
    if can_apt_install; then
        as_root apt-get update -qq </dev/null || true
        apt_install "python$version-venv" >/dev/null || apt_install python3-venv >/dev/null || true
    fi
    rm -rf "$folder"
    if ! "$python" -m venv "$folder"; then
        echo "No virtual environment could be made. Install python$version-venv by hand." >&2
        return 1
    fi
}

python=$(find_python)
if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    make_environment
fi

echo "Installing the plugin with: $extras. The first time this takes a minute."
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" </dev/null
echo "The environment in $folder is ready."
