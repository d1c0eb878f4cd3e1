# Runs a series of checks, each with its name and its time, and stops at the first that fails.
# To be sourced. What each one wrote is kept in target/steps/ for the recap at the end.

steps_log=target/steps
steps_recap=()
mkdir -p "$steps_log"

step() { # name command…
    local name=$1 began=$SECONDS log
    shift
    log="$steps_log/${name//[^a-z0-9]/-}.log"
    printf '\n== %s\n' "$name"
    if ! "$@" 2>&1 | tee "$log"; then
        printf '\n== %s FAILED after %d s: %s\n' "$name" $((SECONDS - began)) "$*" >&2
        exit 1
    fi
    steps_recap+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
}

recap() { # The lines in which test runners sum up, and how long everything took.
    printf '\n== what took how long\n'
    printf '%s\n' "${steps_recap[@]}" "$(printf '%5d s  in all' "$SECONDS")"
    printf '\n== what ran\n'
    # Colours are taken out so that the lines can be found.
    sed 's/\x1b\[[0-9;]*m//g' "$steps_log"/*.log |
        grep -E '^ *(Summary \[|test result: |Test Files |Tests  )' || true
}
