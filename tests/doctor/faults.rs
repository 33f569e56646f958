//! Faults of a Linux machine.

use super::container::User;
use super::fault::{Fault, try_all};

/// A second Go, 1.24, where go.dev's installer puts it.
const GO_1_24: &str = "ln -s /opt/pairs/dlv-1.24/go-bin/go /usr/local/go";
const DLV_1_24: &str = "/opt/pairs/dlv-1.24/delve/usr/bin/dlv";

/// Answers nothing; a program that is not dlv.
const WEB: &str = "python3 -c 'import http.server as h; h.HTTPServer((\"127.0.0.1\", 2345), h.SimpleHTTPRequestHandler).serve_forever()' >/dev/null 2>&1 &\nsleep 0.5";

/// Waits until somebody listens on port 2345.
const LISTENS: &str =
    "for i in $(seq 100); do grep -q ':0929 .* 0A ' /proc/net/tcp /proc/net/tcp6 && break; sleep 0.05; done";

pub fn of_go() -> Vec<Fault> {
    vec![
        Fault::new(
            "Go is installed, and not in PATH",
            "go.found",
            "not in PATH",
            format!("rm /usr/bin/go; {GO_1_24}; cp {DLV_1_24} /usr/bin/dlv"),
        ),
        Fault::new(
            "a broken go comes first in PATH",
            "go.runs",
            "/usr/local/bin/go",
            "printf '#!/bin/sh\\nexit 1\\n' > /usr/local/bin/go; chmod +x /usr/local/bin/go",
        ),
        Fault::new(
            "two versions of Go in PATH",
            "go.several",
            "/usr/local/go/bin/go",
            format!("{GO_1_24}; export PATH=$PATH:/usr/local/go/bin"),
        ),
        Fault::new(
            "a login shell runs another Go",
            "go.shells",
            "a login shell /usr/local/go/bin/go",
            format!("{GO_1_24}; echo 'export PATH=/usr/local/go/bin:$PATH' > ~/.profile"),
        ),
        Fault::new("GOROOT names no Go", "go.goroot", "/nope", "export GOROOT=/nope"),
        Fault::new(
            "GOROOT, set in a profile too, is another Go's",
            "go.goroot",
            "which is Go 1.24",
            format!(
                "{GO_1_24}; echo 'export GOROOT=/usr/local/go' > ~/.profile; export GOROOT=/usr/local/go"
            ),
        ),
        Fault::new("GOPATH is relative", "go.gopath", "no absolute path", "export GOPATH=go"),
        Fault::new("GOPATH is GOROOT", "go.gopath", "same folder", "export GOPATH=/usr/lib/go-1.19"),
        Fault::new(
            "GO111MODULE=off, by go env -w",
            "go.modules",
            "GO111MODULE is off",
            "go env -w GO111MODULE=off",
        ),
        Fault::new(
            "the module asks for a newer Go, and GOTOOLCHAIN=local",
            "go.modules",
            "asks for Go 1.27",
            format!(
                "rm /usr/bin/go; {GO_1_24}; export PATH=$PATH:/usr/local/go/bin GOTOOLCHAIN=local; cp {DLV_1_24} /usr/bin/dlv; sed -i 's/go 1.19/go 1.27/' go.mod"
            ),
        ),
        Fault::new("GOFLAGS strips programs", "go.flags", "strips", "export GOFLAGS=-ldflags=-s"),
        Fault::new("GOFLAGS=-trimpath, by go env -w", "go.flags", "-trimpath", "go env -w GOFLAGS=-trimpath"),
        Fault::new("GOARCH is another machine's", "go.target", "GOARCH is arm64", "export GOARCH=arm64"),
        Fault::new(
            "a profile calls what is not installed",
            "go.profile",
            "goenv",
            "printf 'umask 022\\neval \"$(goenv init -)\"\\n' > ~/.profile",
        ),
        Fault::new(
            "a profile ends the shell",
            "go.profile",
            "does not come up",
            "printf 'umask 022\\nexit 3\\n' > ~/.profile",
        ),
        Fault::new("a profile hangs", "go.profile", "takes longer", "echo 'sleep 20' > ~/.profile")
            .only_named(),
        Fault::new(
            "two profiles disagree about GOPATH",
            "go.profiles",
            "GOPATH",
            "echo 'export GOPATH=/home/me/go' > ~/.profile; echo 'export GOPATH=/home/me/other' > ~/.bashrc; export GOPATH=/home/me/go",
        ),
        Fault::new(
            "a profile throws PATH away",
            "go.shells",
            "without what was in it",
            "echo 'export PATH=/usr/games' > ~/.profile",
        ),
    ]
}

pub fn of_delve() -> Vec<Fault> {
    let second = |first: &str| format!("printf '{first}' > /usr/local/bin/dlv; chmod +x /usr/local/bin/dlv");
    vec![
        Fault::new("dlv may not be run", "delve.found", "may not be run", "chmod -x /usr/bin/dlv"),
        Fault::new("dlv is for another processor", "delve.processor", "made for arm64",
            second(r"\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\267\000")),
        Fault::new("dlv is damaged", "delve.runs", "/usr/local/bin/dlv", second("garbage")),
        Fault::new("dlv is too old for Go", "delve.versions", "supports Go up to 1.20",
            format!("rm /usr/bin/go; {GO_1_24}; export PATH=$PATH:/usr/local/go/bin; mkdir -p ~/go/bin; cp {DLV_1_24} ~/go/bin/dlv")),
        Fault::new("Go is too old for dlv", "delve.versions", "supports Go from 1.21 on", format!("cp {DLV_1_24} /usr/local/bin/dlv")),
        Fault::new("dlv is from before DAP", "delve.versions", "no `dlv dap`",
            second(r"#!/bin/sh\necho Delve Debugger\necho Version: 1.5.0\n")),
        Fault::new("dlv dap does not start", "delve.starts", "boom",
            second(r#"#!/bin/sh\ncase $1 in version) exec /usr/bin/dlv version;; esac\necho boom >\&2\nexit 1\n"#).replace(r"\&", "&")),
        Fault::new("the user's dlvgate.toml names a dlv that is not there", "delve.runs", "/opt/nope/dlv",
            "mkdir -p ~/.config/dlvgate; echo 'dlv = \"/opt/nope/dlv\"' > ~/.config/dlvgate/dlvgate.toml"),
        Fault::new("dlvgate.toml has an unknown key", "delve.settings", "dlvgate.toml:2",
            "printf 'listen = \"127.0.0.1:2345\"\\nlistne = 1\\n' > dlvgate.toml"),
    ]
}

pub fn of_permissions() -> Vec<Fault> {
    // /proc/sys cannot be written from here: the kernel's own knobs, replaced by files.
    let yama = "mkdir -p /tmp/kernel && cp -r /proc/sys/kernel/random /proc/sys/kernel/hostname /proc/sys/kernel/osrelease /tmp/kernel/ 2>/dev/null; \
                mkdir -p /tmp/kernel/yama; echo VALUE > /tmp/kernel/yama/ptrace_scope; sudo mount --bind /tmp/kernel /proc/sys/kernel";
    vec![
        Fault::new(
            "ptrace_scope is 2",
            "permissions.ptrace-scope",
            "only root may debug",
            yama.replace("VALUE", "2"),
        )
        .by(User::Me),
        Fault::new("ptrace is forbidden by seccomp", "permissions.ptrace", "forbids it", SECCOMP)
            .only_named(),
        Fault::new("TMPDIR is not there", "permissions.folders", "TMPDIR is /nope", "export TMPDIR=/nope"),
        Fault::new(
            "TMPDIR is mounted noexec",
            "permissions.folders",
            "noexec",
            "mkdir /tmp/n; mount -t tmpfs -o noexec t /tmp/n; export TMPDIR=/tmp/n",
        ),
        Fault::new(
            "sudo go has left a cache of root's",
            "permissions.folders",
            "is root's",
            "mkdir -p ~/.cache; sudo mkdir ~/.cache/go-build",
        )
        .by(User::Me),
        Fault::new(
            "the disk of the build cache is full",
            "permissions.folders",
            "MiB left",
            "mkdir -p ~/.cache/go-build; mount -t tmpfs -o size=80m t ~/.cache/go-build; mkdir ~/.cache/go-build/00; head -c 75M /dev/zero > ~/.cache/go-build/00/x-d",
        ),
        Fault::new(
            "the helper is not root's",
            "permissions.guard",
            "must not trust",
            "mkdir -p /usr/local/libexec; cp /usr/bin/dlvgate /usr/local/libexec/dlvgate-guard; chown 4747 /usr/local/libexec/dlvgate-guard",
        ),
        Fault::new(
            "the helper may be written by all",
            "permissions.guard",
            "must not trust",
            "mkdir -p /usr/local/libexec; cp /usr/bin/dlvgate /usr/local/libexec/dlvgate-guard; chmod 777 /usr/local/libexec/dlvgate-guard",
        ),
    ]
}

/// ptrace(2) answers EPERM for everything that bash starts from here on.
const SECCOMP: &str = r#"
cat > /tmp/seccomp.py <<'PYTHON'
import ctypes, os, platform, struct
number = {"x86_64": 101, "aarch64": 117}[platform.machine()]
ALLOW, ERRNO_EPERM = 0x7FFF0000, 0x00050001
program = b"".join(struct.pack("HBBI", *one) for one in
    [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, ERRNO_EPERM), (0x06, 0, 0, ALLOW)])
buffer = ctypes.create_string_buffer(program)
fprog = struct.pack("HP", 4, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.create_string_buffer(fprog)) == 0
os.execvp("bash", ["bash", "--norc", "--noprofile"])
PYTHON
exec python3 /tmp/seccomp.py"#;

pub fn of_the_network() -> Vec<Fault> {
    let default_drop = "nft 'add table inet host; add chain inet host input { type filter hook input priority 0; policy drop; }; add rule inet host input iif lo accept'";
    let headless = |listen: &str| {
        format!(
            "go build -o /tmp/shop . && dlv exec --headless --accept-multiclient --listen={listen} /tmp/shop >/dev/null 2>&1 &\n{LISTENS}"
        )
    };
    vec![
        Fault::new("the loopback interface is down", "network.loopback", "127.0.0.1 cannot be used", "ip link set lo down"),
        Fault::new("localhost has no address", "network.localhost", "localhost", "echo > /etc/hosts"),
        Fault::new("localhost is another machine", "network.localhost", "192.0.2.77", "echo '192.0.2.77 localhost' >> /etc/hosts"),
        Fault::new("the port is taken by another program", "network.listener", "is taken by", WEB),
        Fault::new("nobody listens on the port", "network.listener", "nobody listens", "").asked("--port 2345"),
        Fault::new("a second client of a dlv for one", "network.listener", "does not take them",
            format!("dlv dap --listen=127.0.0.1:2345 >/dev/null 2>&1 &\n{LISTENS}; exec 8<>/dev/tcp/127.0.0.1/2345; sleep 0.2; exec 9<>/dev/tcp/127.0.0.1/2345; sleep 0.1")),
        Fault::new("the server listens on loopback, and the client is elsewhere", "network.listener", "dlvgate listens on 127.0.0.1:2345",
            format!("dlvgate serve --listen 127.0.0.1:2345 >/dev/null 2>&1 &\n{LISTENS}")).asked("--port 2345 --from 192.0.2.5"),
        Fault::new("the server listens on IPv6 only", "network.listener", "[::1]:2345",
            format!("dlvgate serve --listen '[::1]:2345' >/dev/null 2>&1 &\n{LISTENS}")).asked("--port 2345"),
        Fault::new("a bare dlv is open to everybody", "network.listener", "dlv itself listens", headless("0.0.0.0:2345")).asked("--port 2345"),
        Fault::new("a default-drop firewall", "network.filter", "blocks 192.0.2.5", default_drop).asked("--from 192.0.2.5"),
        Fault::new("a rule that rejects one address", "network.filter", "reject",
            "nft 'add table ip host; add chain ip host input { type filter hook input priority 0; }; add rule ip host input ip saddr 192.0.2.5 tcp dport 2345 reject'").asked("--from 192.0.2.5"),
        Fault::new("a rule that drops the port on loopback", "network.filter", "blocks 127.0.0.1",
            "nft 'add table inet host; add chain inet host input { type filter hook input priority 0; }; add rule inet host input iif lo tcp dport 2345 drop'"),
        Fault::new("a chain before ours, at another hook", "network.filter", "blocks 192.0.2.5",
            "nft 'add table inet host; add chain inet host early { type filter hook prerouting priority -300; }; add rule inet host early tcp dport 2345 drop'").asked("--from 192.0.2.5").only_named(),
        Fault::new("a killed guard has left its gate", "network.leftovers", "was killed",
            "dlvgate firewall open --port 2399 --from 127.0.0.1 --hold > /tmp/open 2>&1 &\nuntil grep -q open: /tmp/open; do sleep 0.05; done; pkill -9 dlvgate; sleep 0.2"),
        Fault::new("rules of ours of which no journal tells", "network.leftovers", "a guard that is gone",
            "dlvgate firewall open --port 2399 --from 127.0.0.1 --hold > /tmp/open 2>&1 &\nuntil grep -q open: /tmp/open; do sleep 0.05; done; pkill -9 dlvgate; sleep 0.2; rm /run/dlvgate/*"),
        Fault::new("a journal that is corrupt", "network.leftovers", "not believed", "mkdir -p /run/dlvgate; chmod 755 /run/dlvgate; echo '{' > /run/dlvgate/77.json; chmod 600 /run/dlvgate/77.json"),
        Fault::new("a debugged program has outlived its debugger", "network.leftovers", "outlived", "cp /bin/sleep /tmp/__debug_bin77; /tmp/__debug_bin77 60 &"),
        Fault::new("a VPN owns the way to the client", "network.route", "wg0",
            "ip link add wg0 type veth peer name wire1; ip link set wire1 up; ip address add 10.99.0.1/24 dev wg0; ip link set wg0 up; ip route add default dev wg0").asked("--from 203.0.113.9").only_named(),
        Fault::new("there is no way to the client", "network.route", "no way", "").asked("--from 203.0.113.9").only_named(),
        Fault::new("the dlv that GoLand brings is too old for Go", "goland.bundled-dlv", "does not support Go 1.19",
            "mkdir -p ~/.config/JetBrains/GoLand2026.2 /opt/GoLand-2026.2/plugins/go-plugin/lib/dlv/linux; d=/opt/GoLand-2026.2/plugins/go-plugin/lib/dlv/linux/dlv; printf '#!/bin/sh\\necho Version: 1.8.3\\n' > $d; chmod +x $d"),
        Fault::new("GoLand's dlv.path leads nowhere", "goland.dlv-path", "no program",
            "mkdir -p ~/.config/JetBrains/GoLand2026.2; echo 'dlv.path=/opt/nope/dlv' > ~/.config/JetBrains/GoLand2026.2/idea.properties"),
    ]
}

#[test]
fn faults_of_go_are_named_and_mended() {
    try_all(&of_go(), |_| ());
}

#[test]
fn faults_of_delve_are_named_and_mended() {
    try_all(&of_delve(), |_| ());
}

#[test]
fn faults_of_permissions_are_named_and_mended() {
    try_all(&of_permissions(), |_| ());
}

#[test]
fn faults_of_the_network_are_named_and_mended() {
    try_all(&of_the_network(), |_| ());
}
