# No path of this machine in built files, so that two builds of the same sources are the same,
# byte for byte, wherever they are made. What a panic in a dependency names is below /cargo then,
# and in dlvgate below /dlvgate. Sourced with root set.

without_paths() {
    local home=${CARGO_HOME:-${HOME}/.cargo}
    export RUSTFLAGS="${RUSTFLAGS-} --remap-path-prefix=${home}=/cargo --remap-path-prefix=${root}=/dlvgate"
}
