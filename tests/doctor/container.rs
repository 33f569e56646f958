//! A machine of a test's own: this one's files below an overlay, in namespaces for mounts,
//! processes and the network.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use dlvgate_test_support::paths::repository;
use dlvgate_test_support::standin;
use serde_json::Value;
use tempfile::TempDir;

/// Ends what a command prints.
const MARK: &str = "dlvgate-test-mark";

/// How long a container may live, in seconds.
const LIFE: &str = "120";

/// Makes the machine. `$1` is an empty folder, `$2` the program, `$3` the folder of the pairs of
/// dlv and Go, `$4` the user, `$5` whether its network is `apart`, `$6` the stand-in for pfctl.
const SETUP: &str = r#"
set -e
mount --make-rprivate /
mount -t tmpfs -o size=4g tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/up",workdir="$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --rbind /dev dev
mkdir -p opt/pairs home/me/shop run/dlvgate tmp
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
chmod 1777 tmp
mount --bind "$3" opt/pairs
cp "$2" usr/bin/dlvgate
cp "$6" opt/standin-pfctl
rm -rf usr/local/libexec/dlvgate-guard usr/local/bin/dlv usr/local/go usr/local/bin/go
grep -v '^me:' etc/passwd > tmp/passwd && echo 'me:*:4747:4747::/home/me:/bin/bash' >> tmp/passwd && cp tmp/passwd etc/passwd
grep -v '^me:' etc/group > tmp/group && echo 'me:x:4747:' >> tmp/group && cp tmp/group etc/group
printf 'root ALL=(ALL) ALL\nme ALL=(ALL) NOPASSWD: ALL\n' > etc/sudoers
chmod 440 etc/sudoers
printf '127.0.0.1 localhost\n127.0.0.1 %s\n' "$(uname -n)" > etc/hosts
: > etc/resolv.conf
printf 'package main\n\nfunc main() { println(1) }\n' > home/me/shop/main.go
printf 'module shop\n\ngo 1.19\n' > home/me/shop/go.mod
chown -R 4747:4747 home/me
if [ "$5" = apart ]; then
    ip link set lo up
    ip link add eth0 type veth peer name wire0
    ip link set wire0 up
    ip address add 192.0.2.1/24 dev eth0
    ip link set eth0 up
else
    cp /etc/resolv.conf etc/resolv.conf
fi
cd /
exec chroot --userspec="$4" "$1/root" /usr/bin/env -i HOME=/home/me SHELL=/bin/bash USER=me TERM=dumb LC_ALL=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/bash --norc --noprofile
"#;

/// The user in the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    Root,
    /// May do everything with sudo.
    Me,
}

/// A running container; it ends with this.
pub struct Container {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Container {
    /// A network of its own, with a loopback interface and 192.0.2.1/24. `None`, with a word, where
    /// none can be made.
    pub fn new(user: User) -> Option<Container> {
        Container::start(user, true)
    }

    /// With this machine's network.
    pub fn with_network(user: User) -> Option<Container> {
        Container::start(user, false)
    }

    fn start(user: User, apart: bool) -> Option<Container> {
        if !nix::unistd::geteuid().is_root() {
            println!("not run: a container needs root");
            return None;
        }
        let pairs = repository().join("target/toolchains");
        let folder = tempfile::Builder::new().prefix("dlvgate-container-").tempdir().unwrap();
        let mut unshare = Command::new("timeout");
        unshare.args(["--signal=KILL", LIFE, "unshare", "--mount", "--pid", "--fork", "--kill-child"]);
        if apart {
            unshare.arg("--net");
        }
        unshare
            .args(["/bin/bash", "-c", SETUP, "setup"])
            .arg(folder.path())
            .arg(env!("CARGO_BIN_EXE_dlvgate"));
        unshare.arg(pairs).arg(if user == User::Root { "0:0" } else { "4747:4747" });
        unshare.arg(if apart { "apart" } else { "shared" }).arg(standin::built());
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = unshare.spawn().expect("unshare runs");
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut container = Container { child, stdin, stdout, _folder: folder };
        container.must("exec 2>&1; cd /home/me/shop; export GOFLAGS=; unset GOFLAGS");
        Some(container)
    }

    /// Runs commands in its one shell, and returns the exit code with what they print.
    pub fn run(&mut self, commands: &str) -> (i32, String) {
        writeln!(self.stdin, "{commands}\necho; echo {MARK} $?").expect("the container lives");
        self.stdin.flush().unwrap();
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("text");
            assert!(read > 0, "the container has ended in `{commands}`: {said}");
            if let Some(code) = line.strip_prefix(MARK) {
                // The blank line before the mark is ours; its echo has made the exit code 0.
                return (code.trim().parse().unwrap(), said);
            }
            said.push_str(&line);
        }
    }

    /// Runs commands of which the last must succeed.
    pub fn must(&mut self, commands: &str) -> String {
        let (_, said) = self.run(&format!(
            "{commands}\ndlvgate_test_code=$?\n[ $dlvgate_test_code = 0 ] || echo FAILED $dlvgate_test_code"
        ));
        assert!(!said.contains("FAILED "), "`{commands}`: {said}");
        said
    }

    /// What doctor says, as JSON.
    pub fn doctor(&mut self, arguments: &str) -> Value {
        let (_, said) = self.run(&format!("dlvgate doctor --json {arguments}"));
        let line = said.lines().find(|line| line.starts_with('{'));
        serde_json::from_str(line.unwrap_or_else(|| panic!("doctor says: {said}"))).unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
