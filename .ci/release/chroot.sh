# Sourced after lib.sh: a Debian of its own in a folder.

# Makes one, once a suite: fresh_debian SUITE FOLDER. The first is kept as an archive, so that the
# next ones are quick.
fresh_debian() {
    local suite=$1 folder=$2 kept=${root}/target/debian-$1.tar mirror
    have debootstrap || apt_install debootstrap
    if [[ ! -f ${kept} ]]; then
        mirror=$(apt_source_for "${suite}" | sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/p' | head -1)
        say "making a Debian ${suite}"
        rm -rf "${kept}.new"
        twice debootstrap --variant=minbase "${suite}" "${kept}.new" "${mirror}" >"${kept}.log" 2>&1 ||
            die "no Debian ${suite}: see ${kept}.log"
        tar -C "${kept}.new" -cf "${kept}" .
        rm -rf "${kept}.new"
    fi
    rm -rf "${folder}"
    mkdir -p "${folder}"
    tar -C "${folder}" -xf "${kept}"
    # Its programs reach the mirror as this machine does.
    cp /etc/resolv.conf "${folder}/etc/resolv.conf"
    # Debian's installer and every container have this; debootstrap leaves it to them.
    printf '127.0.0.1 localhost\n::1 localhost\n' >"${folder}/etc/hosts"
    apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https)::' >"${folder}/etc/apt/apt.conf.d/90-as-outside" || true
}

# Runs a command in it, with /proc and /dev of its own: in_debian FOLDER COMMAND...
in_debian() {
    local folder=$1
    shift
    unshare --mount --pid --fork --kill-child bash -c '
        mount --make-rprivate /
        mount -t proc proc "$0/proc"
        mount --rbind /dev "$0/dev"
        folder=$0
        exec chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 TERM=dumb http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" "$@"
    ' "${folder}" "$@"
}
