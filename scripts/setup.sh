#!/usr/bin/env bash
# Makes sure that what a make target needs is there, and installs what is not:
#
#   scripts/setup.sh run|build|lint|test|bench|chaos|fuzz|screenshots
#
# It says what it installs. Where everything is there it touches nothing and ends at once.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:?which make target to set up for}

say() { printf 'setup: %s\n' "$*"; }
refuse() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# --- Debian packages, each known by a program it brings ------------------------------------------

wanted=()
want() { # program package
    has "$1" || wanted+=("$2")
}
# Debian keeps these out of PATH, PostgreSQL's own programs from everybody.
has_nginx() { has nginx || [ -x /usr/sbin/nginx ]; }
# Debian's python3 has the module, but cannot make anything with it without python3-venv.
has_venv() { python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

want cc build-essential
want make build-essential
case $target in
    test)
        want git git
        want curl curl
        want chromium chromium
        want firefox-esr firefox-esr
        want ffmpeg ffmpeg
        want redis-server redis-server
        has_venv || wanted+=(python3-venv)
        has_nginx || wanted+=(nginx)
        has_postgres || wanted+=(postgresql)
        ;;
    bench)
        want redis-server redis-server
        want chromium chromium
        want firefox-esr firefox-esr
        has_postgres || wanted+=(postgresql)
        ;;
    chaos)
        want redis-server redis-server
        has_postgres || wanted+=(postgresql)
        ;;
    screenshots)
        want chromium chromium
        ;;
    run | build | lint | fuzz) ;;
    *) refuse "there is no set-up for '$target'" ;;
esac

if [ ${#wanted[@]} -gt 0 ]; then
    mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
    has apt-get || refuse "please install: ${wanted[*]} (this machine has no apt-get)"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || refuse "please install as root: apt-get install ${wanted[*]}"
        as_root=(sudo)
    fi
    say "installing Debian packages: ${wanted[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
fi

# --- Rust and Node -------------------------------------------------------------------------------

at_least() { # have want: compares versions
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
has cargo || refuse "Rust $rust_wanted or later is needed: https://rustup.rs"
rust=$(rustc --version | cut -d ' ' -f 2)
at_least "$rust" "$rust_wanted" || refuse "Rust $rust_wanted or later is needed, this is $rust"

node_wanted=20
has node || refuse "Node.js $node_wanted or later is needed: https://nodejs.org"
node=$(node --version)
at_least "${node#v}" "$node_wanted" || refuse "Node.js $node_wanted or later is needed, this is $node"

case $target in
    lint | test)
        for component in rustfmt clippy; do
            if ! cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then
                say "installing Rust's $component"
                rustup component add "$component"
            fi
        done
        ;;
esac
if [ "$target" = test ] && ! has cargo-nextest; then
    say 'building the test runner cargo-nextest (once, some minutes)'
    cargo install --locked --quiet cargo-nextest || say 'that failed; cargo test will do'
fi
if [ "$target" = fuzz ] && ! has cargo-fuzz; then
    say 'building cargo-fuzz (once)'
    cargo install --locked --quiet cargo-fuzz
fi

# --- The tests' mail server, what asks the interface everything its document allows, and a client --

python_wanted='aiosmtpd==1.4.6 schemathesis==4.32.5 python-socketio[client]==5.18.1'
if [ "$target" = test ] && [ "$(cat target/py/.parlor 2>/dev/null)" != "$python_wanted" ]; then
    say "installing $python_wanted into target/py"
    rm -rf target/py
    python3 -m venv target/py
    # shellcheck disable=SC2086 # They are several words.
    target/py/bin/pip install --quiet --disable-pip-version-check $python_wanted
    printf '%s\n' "$python_wanted" >target/py/.parlor
fi

# --- npm packages, as the lock file has them -----------------------------------------------------

stamp=node_modules/.parlor-lock
lock=$(sha256sum package-lock.json | cut -d ' ' -f 1)
if [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ]; then
    say 'installing npm packages (npm ci)'
    npm ci --no-progress --loglevel=error
    printf '%s\n' "$lock" >"$stamp"
fi

# The server embeds the UI; the folder must be there for it to compile, also without a UI.
mkdir -p packages/web/dist
