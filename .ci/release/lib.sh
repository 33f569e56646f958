# Sourced by the scripts here: which targets are built, and where the files go.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "${root}/tests/setup/lib/common.sh"
. "${root}/tests/setup/lib/apt.sh"
. "${root}/.ci/lib/cross.sh"
. "${root}/.ci/lib/paths.sh"
cd "${root}"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
out=${root}/target/release-files
export DLVGATE_COMMIT=${DLVGATE_COMMIT-$(git rev-parse --short=12 HEAD 2>/dev/null || echo 'unknown commit')}
# Archives of the same commit are the same, byte for byte.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-$(git log -1 --format=%ct 2>/dev/null || echo 1)}

# Each with the oldest glibc that it runs with, where that is said.
targets=(
    aarch64-apple-darwin
    x86_64-apple-darwin
    x86_64-unknown-linux-gnu.2.17
    aarch64-unknown-linux-gnu.2.17
    x86_64-unknown-linux-musl
)

binary_of() { printf '%s' "${root}/target/cross/${1%%.*}/release/dlvgate"; }
archive_of() { printf '%s' "${out}/dlvgate-${version}-${1%%.*}.tar.gz"; }

# dlvgate for this machine, for what the program itself writes: pages and completions.
ours() {
    if [[ ! -x ${root}/target/release/dlvgate || -n ${ours_is_old-} ]]; then
        cargo build --quiet --locked --release
        ours_is_old=
    fi
    printf '%s' "${root}/target/release/dlvgate"
}
