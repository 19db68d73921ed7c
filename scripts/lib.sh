# Shared by the scripts here; sourced, with `set -euo pipefail` on. Everything runs at the top
# of the source tree.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# To build the extension; a realm and a server to run it against.
BUILD_PACKAGES=(g++ libremctl-dev libkrb5-dev pkg-config)
REALM_PACKAGES=(krb5-kdc krb5-admin-server krb5-user remctl-server)

say() { printf '\n== %s\n' "$*" >&2; }

die() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

[[ "$(uname -s)" == Linux ]] || die "pyremctl needs Linux for now: epoll, eventfd"

installed() { [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

# Install Debian packages that are missing, or say which they are.
need_packages() {
    local package missing=()
    command -v dpkg-query >/dev/null ||
        die "not a Debian or Ubuntu: install what Debian calls: $* (and see README.md)"
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    [[ "$(id -u)" == 0 ]] || die "missing packages; as root: apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    apt_install "${missing[@]}" || {
        apt-get update -q && apt_install "${missing[@]}"
    } || die "apt-get could not install: ${missing[*]}"
}

# Services that the packages bring (a KDC, a web server) are not started or enabled: the tests and
# the demo start their own. Those that the machine has already go on.
apt_install() {
    local refuse=/usr/sbin/policy-rc.d ours=false unit status=0
    local units=(krb5-kdc krb5-admin-server heimdal-kcm apache2) new=()
    for unit in "${units[@]}"; do installed "$unit" || new+=("$unit"); done
    if [[ ! -e $refuse ]]; then
        ours=true
        printf '#!/bin/sh\nexit 101\n' >"$refuse"
        chmod 755 "$refuse"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >&2 || status=$?
    if $ours; then rm -f "$refuse"; fi
    for unit in "${new[@]}"; do
        if installed "$unit" && command -v systemctl >/dev/null; then
            systemctl disable --quiet "$unit" >&2 || true
        fi
    done
    return "$status"
}

# Set python to an interpreter: $PYTHON, or the newest one from 3.10 on.
find_python() {
    local candidate
    [[ ${PYTHON:-} != /usr/bin/python3 ]] || need_packages python3
    for candidate in ${PYTHON:-python3.{14,13,12,11,10} python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            python=$candidate
            return
        fi
    done
    [[ -z ${PYTHON:-} ]] || die "PYTHON=$PYTHON is not a Python 3.10 or newer"
    need_packages python3
    python=python3
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "no Python 3.10 or newer found; name one with PYTHON=..."
}

# Make sure that python can make virtual environments and build extensions: Debian's own needs
# two more packages for that.
complete_python() {
    local name
    name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    "$python" -c 'import ensurepip, venv' 2>/dev/null || need_packages "$name-venv"
    "$python" -c 'import os, sysconfig
os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))' 2>/dev/null ||
        need_packages "$name-dev"
}

# make_venv NAME GROUP...: make or refresh .venv/NAME with the dependency groups of
# pyproject.toml, and put it in front of PATH.
make_venv() {
    local folder=.venv/$1 group groups=() wanted
    shift
    for group in build "$@"; do groups+=(--group "$group"); done
    wanted="$("$python" -VV) $* $(sha256sum pyproject.toml)"
    if [[ "$(cat "$folder/made-for" 2>/dev/null)" != "$wanted" ]]; then
        say "making $folder with $("$python" -V)"
        "$python" -m venv --clear "$folder"
        "$folder/bin/pip" install -q --upgrade 'pip>=25.1'
        "$folder/bin/pip" install -q "${groups[@]}"
        printf '%s' "$wanted" >"$folder/made-for"
    fi
    PATH=$PWD/$folder/bin:$PATH
    unset PYTHONPATH PYTHONHOME
}

# Build this tree and install it into the virtual environment; further arguments are pip's.
install_here() {
    say "building"
    pip install -q --no-build-isolation --no-deps --force-reinstall "$@" .
}
