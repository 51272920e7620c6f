# shellcheck shell=bash
# Read by the scripts beside it: where things are, how they speak, which toolchains they need.
# Owns no work. Invariant: whoever has read this stands in the repository's root.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.tools/bin:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH"

# A line that says what begins now and how long everything took so far.
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

# One number for the content of files and folders.
fingerprint() {
    find "$@" -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 cksum | cksum | tr ' ' '-'
}

# Whether version $1 is at least $2 (both like 1.95 or 20.20.2).
at_least() {
    [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]
}

# Stops with a sentence when a toolchain is missing or too old. Toolchains are the only thing that is never installed here.
need_toolchains() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    has cargo || die "cargo is missing. Install Rust $wanted or later (https://rustup.rs), open a new terminal and try again."
    found=$(cargo --version | cut -d ' ' -f 2)
    at_least "$found" "$wanted" || die "this is Rust $found, and $wanted or later is needed. Type: rustup update stable"
    has cc || die "a C compiler is missing (cc). Install your system's build tools: build-essential, base-devel or gcc, depending on the system."
    has node || die "node is missing. Install Node.js 20.19 or later (https://nodejs.org) and try again."
    found=$(node --version | tr -d v)
    at_least "$found" 20.19 || die "this is Node.js $found, and 20.19 or later is needed (https://nodejs.org)."
    has npm || die "npm is missing. It comes with Node.js; some systems have it as a package of its own, called npm."
}

# Stops with a sentence when an earlier run as another user left a folder that this one can't write to.
need_writable() {
    local folder
    for folder in "$@"; do
        [[ ! -e $folder || -w $folder ]] || die "$folder belongs to somebody else (an earlier run as root?). Type: sudo chown -R $(id -un) $folder"
    done
}

# A chromium of whatever name; nothing if there is none.
chromium_path() {
    local name
    for name in "${TUTTI_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        if [[ -n $name ]] && has "$name"; then
            command -v "$name"
            return
        fi
    done
}
