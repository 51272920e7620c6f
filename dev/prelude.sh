# shellcheck shell=bash
# Sourced by the scripts beside it: paths, messages, and the toolchains that they need.
# Does no work itself. Invariant: a script that sources this runs in the repository's root.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.tools/bin:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH"

# Prints the step that begins now and the time since the start.
step() {
    printf '\n== %d:%02d  %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"
}

die() {
    printf 'tutti: %s\n' "$*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Prints a checksum of files and folders.
fingerprint() {
    find "$@" -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 cksum | cksum | tr ' ' '-'
}

# npm_packages FOLDER WHAT: installs the packages of FOLDER's lock file in FOLDER/node_modules, unless they are there.
npm_packages() {
    local wanted
    need_writable "$1/node_modules"
    wanted=$(fingerprint "$1/package.json" "$1/package-lock.json")
    [[ $(cat "$1/node_modules/.tutti" 2>/dev/null) != "$wanted" ]] || return 0
    step "installing $2 (npm ci)"
    (cd "$1" && npm ci --no-audit --no-fund --no-progress --loglevel=error </dev/null) || return
    echo "$wanted" >"$1/node_modules/.tutti"
}

# Whether version $1 is at least $2 (both like 1.95 or 20.20.2).
at_least() {
    [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]
}

# Lets rustup use the default toolchain if it is at least the version of rust-toolchain.toml and that version is not installed under
# its own name: otherwise rustup downloads it again, or stops on a machine without that download.
default_toolchain() {
    local pinned default found
    [[ -z ${RUSTUP_TOOLCHAIN:-} ]] && has rustup || return 0
    pinned=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
    rustup toolchain list | grep -q "^$pinned-" && return 0
    default=$(rustup default 2>/dev/null | cut -d ' ' -f 1) || return 0
    found=$(RUSTUP_TOOLCHAIN=$default cargo --version 2>/dev/null | cut -d ' ' -f 2) || return 0
    if at_least "$found" "$pinned"; then
        export RUSTUP_TOOLCHAIN=$default
    fi
}

# Stops with a message if a toolchain is missing or too old. Only toolchains are never installed by these scripts.
need_toolchains() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    default_toolchain
    has cargo || die "cargo is missing. Install Rust $wanted or later (https://rustup.rs), open a new terminal and try again."
    found=$(cargo --version | cut -d ' ' -f 2)
    at_least "$found" "$wanted" || die "this is Rust $found, and $wanted or later is needed. Type: rustup update stable"
    has cc || die "a C compiler is missing (cc). Install your system's build tools: build-essential, base-devel or gcc, depending on the system."
    has node || die "node is missing. Install Node.js 20.19 or later (https://nodejs.org) and try again."
    found=$(node --version | tr -d v)
    at_least "$found" 20.19 || die "this is Node.js $found, and 20.19 or later is needed (https://nodejs.org)."
    has npm || die "npm is missing. It comes with Node.js; some systems have it as a package of its own, called npm."
}

# Stops with a message if an earlier run as another user left a folder that this user can't write to.
need_writable() {
    local folder
    for folder in "$@"; do
        [[ ! -e $folder || -w $folder ]] || die "$folder belongs to another user (an earlier run as root?). Type: sudo chown -R $(id -un) $folder"
    done
}

# Prints the path of a chromium, whatever its name; nothing if there is none.
chromium_path() {
    first_of "${TUTTI_CHROMIUM:-}" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable
}
# Prints the path of one that keeps notifications, which one that is built without a window does not.
notifying_chromium_path() {
    first_of "${TUTTI_NOTIFYING_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable
}
# Prints the path of the first of these programs that is there.
first_of() {
    local name
    for name in "$@"; do
        if [[ -n $name ]] && has "$name"; then
            command -v "$name"
            return
        fi
    done
}
