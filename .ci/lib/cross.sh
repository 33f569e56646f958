# Building for another system: the standard library from its sources, where this toolchain has none
# for the target, and zig as the linker. Sourced with root set; sets here, state, release and
# sysroot, and cargo_flags.

here=${root}/target/macos
state=${root}/target/apt
release=$(rustc -vV | sed -n 's/^release: //p')
sysroot=$(rustc --print sysroot)

# Flags of cargo for a target, in cargo_flags. A target may name its oldest glibc: TARGET.2.17.
for_target() {
    cargo_flags=(--locked --target "$1")
    if [[ ! -d ${sysroot}/lib/rustlib/${1%%.*} ]]; then
        overlay_with_sources "${1%%.*}"
    fi
}

# A sysroot of links to the real one, with the sources added: the toolchain stays as it is.
overlay_with_sources() {
    local target=$1 suite version overlay=${here}/sysroot-${release}
    if [[ ! -f ${overlay}/complete ]]; then
        rm -rf "${overlay}" "${here}/deb"
        mkdir -p "${overlay}"
        for suite in trixie-backports trixie sid; do
            apt_suite_update "${state}" "${suite}" || continue
            version=$(apt_suite_version "${state}" "${suite}" rust-src "${release}")
            [[ -n ${version} ]] && break
        done
        [[ -n ${version-} ]] || die "Debian has no rust-src of ${release}. With rustup: rustup target add ${target}"
        say "fetching Debian's rust-src ${version}"
        apt_suite_download "${state}" "${suite}" "${here}/deb" "rust-src=${version}"
        dpkg -x "${here}"/deb/rust-src_*.deb "${here}/deb/root"
        cp -rs "${sysroot}/." "${overlay}/"
        rm -rf "${overlay}/lib/rustlib/src"
        mkdir -p "${overlay}/lib/rustlib/src/rust"
        mv "${here}"/deb/root/usr/src/rustc-*/library "${overlay}/lib/rustlib/src/rust/"
        rm -rf "${here}/deb"
        printf '#!/bin/sh\nexec "%s/bin/rustc" --sysroot "%s" "$@"\n' "${sysroot}" "${overlay}" >"${here}/rustc"
        chmod +x "${here}/rustc"
        : >"${overlay}/complete"
    fi
    export RUSTC=${here}/rustc RUSTC_BOOTSTRAP=1
    cargo_flags+=(-Zbuild-std=std,panic_abort)
}

# cargo-zigbuild and zig, both from PyPI, first in PATH.
with_zig() {
    local venv=${here}/venv
    if [[ ! -x ${venv}/bin/cargo-zigbuild ]]; then
        python3 -m venv "${venv}" 2>/dev/null || { apt_install python3-venv && python3 -m venv "${venv}"; }
        twice "${venv}/bin/pip" install --quiet --disable-pip-version-check ziglang cargo-zigbuild
    fi
    PATH=${venv}/bin:${PATH}
}
