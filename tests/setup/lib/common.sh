# Sourced by the set-up and CI scripts: messages, privileges, and a second try for the network.

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: as it is for root, else through sudo.
as_root() {
    if [[ ${EUID} -eq 0 ]]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "this needs root: $*. Run it as root, or install sudo."
    fi
}

# Runs a command; when it fails, once more after a pause: a registry or a mirror may have been busy.
twice() {
    "$@" && return
    warn "failed, trying once more in 3 s: $*"
    sleep 3
    "$@"
}

# Prints one field of /etc/os-release, or nothing.
os_release() {
    [[ -r /etc/os-release ]] || return 0
    (. /etc/os-release && printf '%s' "${!1-}")
}
