//! The guard, which is root's, and a caller who is not: what it takes from its surroundings, and
//! what it could do at most.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::{PATIENCE, poll};
use nix::unistd::{Uid, setfsuid};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

const DLVGATE: &str = env!("CARGO_BIN_EXE_dlvgate");

/// `CAP_NET_ADMIN`, number 12 of linux/capability.h, as `/proc/PID/status` has it.
const NET_ADMIN: &str = "0000000000001000";

const NONE: &str = "0000000000000000";

/// A guard whose proxy is the test.
struct Guard {
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    journals: TempDir,
    pid: u32,
}

impl Guard {
    /// Runs it by this shell script, in which `"$@"` is its command line.
    fn start(namespace: &Namespace, script: &str, set: impl FnOnce(&mut Command)) -> Self {
        let journals = tempfile::tempdir().unwrap();
        fs::set_permissions(journals.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let folder = journals.path().to_str().unwrap();
        let words =
            ["bash", "-c", script, "bash", DLVGATE, "guard", "--backend", "nftables", "--journals", folder];
        let mut command = namespace.command(&words);
        set(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (requests, replies) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut guard = Self { child, requests, replies, journals, pid: 0 };
        let greeting = guard.reply();
        assert!(greeting["failed"].is_null(), "{greeting}");
        guard.pid = u32::try_from(greeting["pid"].as_u64().unwrap()).unwrap();
        guard
    }

    fn plain(namespace: &Namespace) -> Self {
        let mut guard = Self::start(namespace, "exec \"$@\"", |_| ());
        guard.hello(std::process::id());
        guard
    }

    fn reply(&mut self) -> Value {
        let mut line = String::new();
        self.replies.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn ask(&mut self, operation: &Value) -> Value {
        let line = format!("{}\n", json!({"id": 1, "do": operation}));
        self.requests.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        self.reply()
    }

    fn hello(&mut self, pid: u32) {
        let said = self.ask(&json!({"hello": {"version": 1, "pid": pid, "purpose": "open"}}));
        assert!(said["failed"].is_null(), "{said}");
    }

    fn open(&mut self, port: u16) {
        let said = self.ask(&json!({"open": {"port": port, "peers": ["192.0.2.5", "fe80::1%lo"]}}));
        assert!(said["failed"].is_null(), "{said}");
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid)).unwrap()
    }

    /// A line of `/proc/PID/status`.
    fn status(&self, name: &str) -> String {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name}: {status}")).trim().to_owned()
    }

    fn journal(&self) -> PathBuf {
        self.journals.path().join(format!("{}.json", self.pid))
    }

    fn end(mut self) {
        self.requests.take();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.requests.take();
        let _ = self.child.wait();
    }
}

/// What the guard says that it could do, before it confines itself and after.
fn tried(namespace: &Namespace, when: &str) -> Vec<String> {
    let journals = tempfile::tempdir().unwrap();
    let folder = journals.path().to_str().unwrap();
    let mut command = namespace.command(&[DLVGATE, "guard", "--backend", "nftables", "--journals", folder]);
    let output = command.env("DLVGATE_GUARD_TRIAL", when).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The kernel has Landlock where it takes the question for its version; the trial then is refused a
/// file of root's.
fn has_landlock() -> bool {
    let listed = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let newer_than_5_12 =
        release.split('.').take(2).map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>() > vec![5, 12];
    listed.contains("landlock") || (listed.is_empty() && newer_than_5_12)
}

#[test]
fn guard_has_net_admin_and_no_other_power() {
    let Some(namespace) = Namespace::new() else { return };
    let mut guard = Guard::plain(&namespace);
    guard.open(4000);
    for (set, held) in [
        ("CapEff", NET_ADMIN),
        ("CapPrm", NET_ADMIN),
        ("CapBnd", NET_ADMIN),
        ("CapInh", NONE),
        ("CapAmb", NONE),
    ] {
        assert_eq!(guard.status(set), held, "{set}");
    }
    assert_eq!(guard.status("NoNewPrivs"), "1");
    assert_eq!(guard.status("Seccomp"), "2", "a filter");
    guard.end();
    assert!(!namespace.ruleset().contains("dlvgate"));
}

#[test]
fn forbidden_acts_fail_inside_the_guard() {
    let Some(namespace) = Namespace::new() else { return };
    let (before, after) = (tried(&namespace, "before"), tried(&namespace, "after"));
    assert!(
        before.len() > 10 && before.iter().all(|act| act.ends_with(": done")),
        "they can be done: {before:#?}"
    );
    let needed = [
        "run nft",
        "listen on a port",
        "ask for sockets",
        "make a socket of the log's kind",
        "read the process table",
    ];
    let by_landlock = [
        "write a file of root's",
        "read a file of root's",
        "read a home folder",
        "run a shell",
        "have the loader run a shell",
        "read a folder of programs",
    ];
    assert_eq!(before.len(), after.len());
    for line in &after {
        let (act, became) = line.split_once(": ").unwrap();
        if by_landlock.contains(&act) && !has_landlock() {
            println!("not tried, this kernel has no Landlock: {act}");
            continue;
        }
        let is_done = became == "done";
        assert_eq!(is_done, needed.contains(&act), "{after:#?}");
    }
}

#[test]
fn caller_s_surroundings_do_not_reach_the_guard() {
    let Some(namespace) = Namespace::new() else { return };
    // As a caller could leave them: limits that kill, signals that are ignored, descriptors,
    // priority, umask, a folder.
    let script = "ulimit -S -f 1; ulimit -S -t 1; ulimit -S -c unlimited; umask 0777; trap '' XFSZ XCPU CHLD USR1 ALRM; cd /tmp; \
        exec 9</etc/passwd 2>&-; echo 900 >/proc/self/oom_score_adj; exec nice -n 19 \"$@\"";
    let mut guard = Guard::start(&namespace, script, |command| {
        command.envs([("LC_ALL", "C.UTF-8"), ("COLORTERM", "truecolor"), ("DLVGATE_LOG", "trace")]);
        command.env("SUDO_UID", "0");
    });
    guard.hello(std::process::id());
    guard.open(4000);
    let limits = guard.proc("limits");
    for line in ["Max cpu time", "Max file size"] {
        let limit = limits.lines().find(|limit| limit.starts_with(line)).unwrap();
        assert_eq!(limit.matches("unlimited").count(), 2, "{limit}");
    }
    let cores = limits.lines().find(|limit| limit.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().filter(|word| *word == "0").count(), 2, "{cores}");
    assert_eq!(guard.status("Umask"), "0022");
    assert_eq!(fs::metadata(guard.journal()).unwrap().permissions().mode() & 0o777, 0o644);
    let ignored = u64::from_str_radix(&guard.status("SigIgn"), 16).unwrap();
    let pipe = 1 << (13 - 1); // Rust's own runtime ignores SIGPIPE
    let real_time = !0 << 31; // who starts the tests may have left those, and the system sends none
    assert_eq!(ignored & !pipe & !real_time, 0, "ignored signals: {ignored:x}");
    assert_eq!(guard.status("SigBlk"), NONE);
    assert_eq!(guard.proc("environ"), "SUDO_UID=0\0");
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", guard.pid)).unwrap(), Path::new("/"));
    assert_eq!(guard.proc("oom_score_adj").trim(), "0");
    let stat = guard.proc("stat");
    let nice = stat[stat.rfind(')').unwrap()..].split_whitespace().nth(17).unwrap();
    assert_eq!(nice, "0", "{stat}");
    let descriptors = fs::read_dir(format!("/proc/{}/fd", guard.pid)).unwrap();
    let files: Vec<PathBuf> = descriptors.filter_map(|one| fs::read_link(one.unwrap().path()).ok()).collect();
    assert!(!files.iter().any(|file| file == Path::new("/etc/passwd")), "{files:?}");
    assert_eq!(
        fs::read_link(format!("/proc/{}/fd/2", guard.pid)).unwrap(),
        Path::new("/dev/null"),
        "it was closed"
    );
    guard.end();
    assert!(!namespace.ruleset().contains("dlvgate"));
}

/// Root raises a hard limit where it has CAP_SYS_RESOURCE; a container's may not have it.
#[test]
fn hard_limit_is_lifted_or_the_guard_refuses() {
    let Some(namespace) = Namespace::new() else { return };
    let journals = tempfile::tempdir().unwrap();
    let folder = journals.path().to_str().unwrap();
    let script = "ulimit -f 1; ulimit -t 1; exec \"$@\"";
    let words =
        ["bash", "-c", script, "bash", DLVGATE, "guard", "--backend", "nftables", "--journals", folder];
    let output = namespace.command(&words).stdin(Stdio::null()).output().unwrap();
    let greeting: Value = serde_json::from_slice(&output.stdout).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
    let may_raise = u64::from_str_radix(effective, 16).unwrap() & (1 << 24) != 0;
    if may_raise {
        assert!(greeting["failed"].is_null(), "{greeting}");
    } else {
        let failed = greeting["failed"].as_str().unwrap();
        assert!(
            failed.contains("limit of a file's size") && failed.contains("may not be raised"),
            "{failed}"
        );
    }
}

/// What the unit of `firewall install --open` leaves a guard, as far as it can be had without
/// systemd.
#[test]
fn guard_works_under_the_unit_s_restrictions() {
    let Some(namespace) = Namespace::new() else { return };
    let script = "mount --make-rprivate / && mkdir -p /run/dlvgate && mount -t tmpfs -o mode=755 tmpfs /run/dlvgate && \
        mount -o remount,bind,ro / && cd / && exec setpriv --inh-caps=-all --bounding-set=-all,+net_admin --no-new-privs \
        \"$1\" firewall open --backend nftables --port 4000 --from 192.0.2.5";
    let mut command = namespace.command(&["unshare", "--mount", "bash", "-c", script, "bash", DLVGATE]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let ruleset = namespace.ruleset();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(said.starts_with("open: port 4000") && ruleset.contains("dlvgate"), "{said:?} {ruleset}");
    assert!(!namespace.ruleset().contains("dlvgate"));
}

/// The host translates addresses: the port that is reached is not the one that was asked for.
#[test]
fn redirect_to_a_gate_s_port_is_judged_there() {
    const OTHER_USER: u32 = 65_534;
    let Some(namespace) = Namespace::new() else { return };
    namespace
        .nft("table inet host { chain out { type nat hook output priority -100; tcp dport 8080 redirect to :4000; tcp dport 8081 redirect to :5000; }; }");
    let listen = |port| namespace.inside(|| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let _listeners = [4000, 5000].map(listen);
    let mut guard = Guard::plain(&namespace);
    assert_eq!(namespace.connect_as(OTHER_USER, 8080), "", "it leads to the port");
    for port in [4000, 8081] {
        let said = guard.ask(&json!({"open": {"port": port, "peers": ["127.0.0.1"]}}));
        assert!(said["failed"].is_null(), "{said}");
    }
    assert_eq!(namespace.connect_as(OTHER_USER, 8081), "", "it leads away from a gate's port");
    assert_eq!(namespace.connect_as(0, 8080), "", "the gate's own user");
    for port in [4000, 8080] {
        let answer = namespace.connect_as(OTHER_USER, port);
        assert!(answer.contains("Connection refused"), "to port {port}: {answer:?}");
    }
    guard.end();
}

/// Whether another user gets through to this address.
fn other_user_connects(namespace: &Namespace, from: IpAddr, to: &str) -> bool {
    const OTHER_USER: u32 = 65_534;
    let to: SocketAddr = to.parse().unwrap();
    namespace.inside(|| {
        setfsuid(Uid::from_raw(OTHER_USER)); // of this thread, which ends
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
        socket.connect_timeout(&to.into(), Duration::from_secs(2)).is_ok()
    })
}

/// A container's port, published at an address of the host's, and a host's port behind an address
/// of another machine.
#[test]
fn destination_after_translation_is_what_counts() {
    let (Some(host), Some(container)) = (Namespace::new(), Namespace::new()) else { return };
    host.wire(&container, "veth0", ["02:00:00:00:00:01", "02:00:00:00:00:02"]);
    for (namespace, address) in [(&host, "192.0.2.1/24"), (&container, "192.0.2.2/24")] {
        namespace.ip(&["address", "add", address, "dev", "veth0"]);
    }
    host.nft(
        "table ip nat { chain out { type nat hook output priority -100; ip daddr 192.0.2.1 tcp dport 8081 dnat to 192.0.2.2:4000; \
         ip daddr 192.0.2.99 tcp dport 8080 dnat to 127.0.0.1:4000; }; }",
    );
    host.inside(|| fs::write("/proc/sys/net/ipv4/conf/all/route_localnet", "1").unwrap());
    let _published = container.inside(|| TcpListener::bind("192.0.2.2:4000").unwrap());
    let _own = host.inside(|| TcpListener::bind("127.0.0.1:4000").unwrap());
    let (any, loopback) = (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into());
    let reached = || {
        let targets = [(any, "192.0.2.1:8081"), (loopback, "192.0.2.99:8080"), (any, "127.0.0.1:4000")];
        targets.map(|(from, to)| other_user_connects(&host, from, to))
    };
    assert_eq!(reached(), [true; 3], "without a gate");
    let mut guard = Guard::plain(&host);
    let said = guard.ask(&json!({"open": {"port": 4000, "peers": ["127.0.0.1"]}}));
    assert!(said["failed"].is_null(), "{said}");
    assert_eq!(reached(), [true, false, false], "the container's port is not the gate's");
    guard.end();
}

#[test]
fn caller_who_reads_no_answer_keeps_no_gate() {
    /// Answers of more bytes than a pipe holds.
    const QUESTIONS: usize = 4000;
    /// How long root's `firewall close` waits.
    const CLOSES_WITHIN: Duration = Duration::from_secs(15);
    let Some(namespace) = Namespace::new() else { return };
    let mut guard = Guard::plain(&namespace);
    guard.open(4000);
    assert!(namespace.ruleset().contains("dlvgate"));
    let mut requests = guard.requests.take().unwrap();
    let asking = std::thread::spawn(move || {
        let _ = requests.write_all("{\"id\":1,\"do\":\"status\"}\n".repeat(QUESTIONS).as_bytes());
        requests // the pipe stays open
    });
    let begun = Instant::now();
    let gone = poll(PATIENCE, || (!namespace.ruleset().contains("dlvgate")).then_some(()));
    assert!(gone.is_some() && begun.elapsed() < CLOSES_WITHIN, "{:?}", begun.elapsed());
    drop(asking.join().unwrap());
}

/// A group that was given to the caller, as systemd gives each user one.
#[test]
fn control_group_of_the_caller_ends_no_guard() {
    const CALLER: u32 = 4_003;
    let Some(namespace) = Namespace::new() else { return };
    let name = format!("dlvgate-test-{}", std::process::id());
    let mounted = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
    let script =
        |script: &str| namespace.command(&["bash", "-c", &format!("{mounted} && {script}")]).status();
    let made = script(&format!("mkdir /sys/fs/cgroup/{name} && chown -R {CALLER} /sys/fs/cgroup/{name}"));
    if !made.unwrap().success() {
        println!("not run: no control group can be made here");
        return;
    }
    let joined = format!("{mounted}; echo $$ >/sys/fs/cgroup/{name}/cgroup.procs; exec \"$@\"");
    let mut guard = Guard::start(&namespace, &joined, |command| {
        command.env("SUDO_UID", CALLER.to_string());
    });
    for act in ["kill", "freeze"] {
        let by_the_caller = format!(
            "exec setpriv --reuid {CALLER} --regid {CALLER} --clear-groups bash -c 'echo 1 >/sys/fs/cgroup/{name}/cgroup.{act}'"
        );
        assert!(script(&by_the_caller).unwrap().success(), "{act}");
    }
    guard.hello(std::process::id());
    assert!(guard.proc("cgroup").contains(&format!("0::/dlvgate/{CALLER}\n")), "{}", guard.proc("cgroup"));
    guard.end();
    assert!(script(&format!("rmdir /sys/fs/cgroup/{name}")).unwrap().success());
    // Processes in dlvgate's group count, whatever the limits of the caller's own group are.
    let many = format!(
        "{mounted}; for one in {{1..64}}; do sleep 60 & echo $! >/sys/fs/cgroup/dlvgate/{CALLER}/cgroup.procs; done; \
        SUDO_UID={CALLER} {DLVGATE} guard --backend nftables --journals /tmp; kill $(jobs -p)"
    );
    let output = namespace.command(&["bash", "-c", &many]).stdin(Stdio::null()).output().unwrap();
    let greeting: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(greeting["failed"].to_string().contains("has 64 guards already"), "{greeting}");
}

#[test]
fn acts_are_told_to_the_system_s_log() {
    let Some(namespace) = Namespace::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = UnixDatagram::bind(&path).unwrap();
    log.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut guard = Guard::start(&namespace, "exec \"$@\"", |command| {
        command.env("DLVGATE_SYSLOG", &path);
    });
    guard.hello(std::process::id());
    guard.open(4000);
    guard.ask(&json!({"shut": {"port": 4000}}));
    guard.ask(&json!({"drop": {"port": 4000}}));
    let told: Vec<String> = (0..3)
        .map(|_| {
            let mut line = [0; 2048];
            let length = log.recv(&mut line).unwrap();
            String::from_utf8_lossy(&line[..length]).into_owned()
        })
        .collect();
    let head = format!("<85>dlvgate-guard[{}]: ", guard.pid);
    assert_eq!(
        told,
        [
            format!("{head}open port=4000 uid=0 peers=192.0.2.5,fe80::1%lo"),
            format!("{head}shut port=4000 uid=0"),
            format!("{head}remove port=4000 uid=0"),
        ]
    );
    // From here on the log reads nothing: its queue holds about ten lines.
    for port in 4001..4021 {
        guard.open(port);
    }
    guard.end();
    assert!(!namespace.ruleset().contains("dlvgate"));
}

/// How long a guard's first open takes here, from its start: the least of several; and how much of
/// a processor, in clock ticks, all of them took it and its calls of nft: other work on the machine
/// does not change that.
fn cost_of_an_open(namespace: &Namespace) -> (Duration, u64) {
    let opens = (0..5).map(|_| {
        let begun = Instant::now();
        let mut guard = Guard::plain(namespace);
        guard.open(4000);
        let took = begun.elapsed();
        let stat = guard.proc("stat");
        // proc(5): utime, stime, cutime, cstime, after the name in parentheses.
        let fields = stat[stat.rfind(')').unwrap()..].split_whitespace().skip(12).take(4);
        let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        guard.end();
        (took, ticks)
    });
    opens.fold((Duration::MAX, 0), |all, one| (all.0.min(one.0), all.1 + one.1))
}

/// With a rule a peer, as it was, the gates of 64 peers made it many times as long as those of one.
#[test]
fn peers_of_others_do_not_slow_an_open() {
    /// Gates of the other user.
    const GATES: u16 = 8;
    let host = "table inet host {
        chain in { type filter hook input priority filter; policy drop; ct state established accept; }
        chain out { type filter hook output priority filter; policy drop; }
    }";
    let mut costs = Vec::new();
    for peers_of_a_gate in [0, 1, 64] {
        let Some(namespace) = Namespace::new() else { return };
        namespace.nft(host);
        let mut other = Guard::plain(&namespace);
        for gate in 0..(if peers_of_a_gate == 0 { 0 } else { GATES }) {
            let peers: Vec<String> =
                (0..peers_of_a_gate).map(|peer| format!("10.{gate}.{}.1", 2 * peer)).collect();
            let said = other.ask(&json!({"open": {"port": 5000 + gate, "peers": peers}}));
            assert!(said["failed"].is_null(), "{said}");
        }
        let (took, ticks) = cost_of_an_open(&namespace);
        println!("beside {GATES} gates of {peers_of_a_gate} peers each: {took:?}; five take {ticks} ticks");
        costs.push(ticks);
        other.end();
    }
    assert!(costs[2] < 3 * costs[1].max(5), "{costs:?}");
}

#[test]
fn live_guard_of_another_pid_namespace_keeps_its_gate() {
    let Some(namespace) = Namespace::new() else { return };
    let script = "exec unshare --pid --fork --kill-child --mount-proc \"$@\"";
    let mut guard = Guard::start(&namespace, script, |_| ());
    guard.hello(1);
    guard.open(4000);
    let folder = guard.journals.path().to_str().unwrap().to_owned();
    let says = |words: &[&str]| {
        let all = [&[DLVGATE, "firewall"], words, &["--backend", "nftables", "--journals", &folder]].concat();
        let output = namespace.command(&all).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let swept = says(&["sweep"]);
    assert!(namespace.ruleset().contains("dport 4000") || namespace.ruleset().contains("4000"), "{swept}");
    assert!(guard.journal().exists(), "{swept}");
    let status = says(&["status"]);
    assert!(status.contains("in another PID namespace") && !status.contains("KILLED"), "{status}");
    let closed = says(&["close", "--port", "4000"]);
    assert!(closed.contains("in another PID namespace"), "{closed}");
    guard.ask(&json!("status")); // it serves still
    guard.end();
    assert!(!namespace.ruleset().contains("dlvgate"));
}
