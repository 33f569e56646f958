//! Two users of one machine, both with a sudoers entry for the guard: neither opens, shuts or slows
//! what is the other's. With the real sudo, nftables and the kernel's own answers, in a network
//! namespace.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dlvgate_test_support::holder::{Holder, says};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, setfsuid};

use crate::nftables::HOST;

/// `nobody` and `daemon` on Debian.
const ALICE: u32 = 65_534;
const BOB: u32 = 1;
const ROOT: u32 = 0;

/// Installs what both users may start, in a mount namespace of the command's own, and becomes one
/// of them.
const SETUP: &str = r#"
set -e
mount -t tmpfs -o mode=750 tmpfs /etc/sudoers.d
mkdir -p /usr/local/libexec /var/lib/dlvgate /etc/dlvgate /run/dlvgate
mount --bind "$RUN" /run/dlvgate
mount -t tmpfs -o mode=755 tmpfs /usr/local/libexec
mount -t tmpfs -o mode=755 tmpfs /var/lib/dlvgate
mount -t tmpfs -o mode=755 tmpfs /etc/dlvgate
"$DLVGATE" firewall install --user daemon >/dev/null
"$DLVGATE" firewall install --user nobody $POLICY >/dev/null
[ -z "$SPOIL" ] || printf '%s\n' "$SPOIL" >>/etc/dlvgate/policy.toml
ln /usr/local/libexec/dlvgate-guard /usr/local/libexec/dlvgate
exec setpriv --reuid "$1" --regid "$1" --clear-groups env HOME=/tmp "${@:2}"
"#;

const HELLO: &str = "{\"id\":1,\"do\":{\"hello\":{\"version\":1,\"pid\":1,\"purpose\":\"sessions\"}}}\n";

/// The machine that both use, and its guards' journals.
struct Machine(Namespace, tempfile::TempDir);

impl Machine {
    fn new() -> Option<Machine> {
        if !std::path::Path::new("/usr/sbin/visudo").exists() {
            println!("not run: it takes sudo");
            return None;
        }
        let run = tempfile::tempdir().unwrap();
        std::fs::set_permissions(run.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Some(Machine(Namespace::new()?, run))
    }

    /// A program as this user types it, with the guard installed; the process keeps its id.
    fn command(&self, user: u32, words: &[&str]) -> Command {
        let uid = user.to_string();
        let become_it = ["unshare", "--mount", "bash", "-c", SETUP, "bash", &uid];
        let mut command = self.0.command(&[&become_it[..], words].concat());
        command.env("RUN", self.1.path());
        command.env("DLVGATE", env!("CARGO_BIN_EXE_dlvgate")).env_remove("SUDO_UID").env_remove("SUDO_USER");
        command
    }

    /// `dlvgate firewall WORDS` as this user types it.
    fn firewall(&self, user: u32, words: &[&str]) -> Command {
        self.command(user, &[&["/usr/local/libexec/dlvgate", "firewall"], words].concat())
    }

    fn open(&self, user: u32, port: u16, from: &str) -> Command {
        self.firewall(user, &["open", "--port", &port.to_string(), "--from", from])
    }

    /// Why this user may not open this port.
    fn refused(&self, user: u32, port: u16, from: &str) -> String {
        let before = self.0.printed();
        let (output, text) = says(&mut self.open(user, port, from));
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(self.0.printed(), before, "nothing was changed");
        assert!(!text.contains("delete"), "{text}");
        text
    }

    /// A guard of this user's, by hand.
    fn guard(&self, user: u32) -> Child {
        let helper = ["sudo", "-n", "/usr/local/libexec/dlvgate-guard", "guard", "--backend", "nftables"];
        let mut guard = self.command(user, &helper);
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs")
    }

    /// What a guard says to these requests of this user's own making.
    fn told(&self, user: u32, requests: &str) -> String {
        let mut guard = self.guard(user);
        guard.stdin.take().expect("a pipe").write_all((HELLO.to_owned() + requests).as_bytes()).unwrap();
        String::from_utf8(guard.wait_with_output().unwrap().stdout).unwrap()
    }

    /// Done with sockets of this user's, in the machine's network.
    fn as_user<T: Send>(&self, user: u32, action: impl FnOnce() -> T + Send) -> T {
        self.0.inside(|| {
            setfsuid(Uid::from_raw(user)); // of this thread, which ends
            action()
        })
    }

    /// Something of this user's listens there.
    fn listens(&self, user: u32, port: u16) -> TcpListener {
        self.as_user(user, || once_free(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))))
    }

    /// The same at one address.
    fn listens_at(&self, user: u32, address: &str) -> TcpListener {
        self.as_user(user, || once_free(|| TcpListener::bind(address)))
    }

    fn connects(&self, user: u32, port: u16) -> bool {
        self.reaches(user, &format!("127.0.0.1:{port}"))
    }

    fn reaches(&self, user: u32, address: &str) -> bool {
        let to: SocketAddr = address.parse().unwrap();
        self.as_user(user, || TcpStream::connect_timeout(&to, Duration::from_secs(2)).is_ok())
    }
}

#[test]
fn port_of_another_users_database_stays_shut() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    let _database = machine.listens(BOB, 5432);
    let why = machine.refused(ALICE, 5432, "192.0.2.5");
    assert!(why.contains("user 1 listens on port 5432"), "{why}");
    let _system = machine.listens(ROOT, 8080);
    assert!(machine.refused(ALICE, 8080, "127.0.0.1").contains("user 0 listens on port 8080"));
    let before = machine.0.printed();
    let raw = "{\"id\":2,\"do\":{\"open\":{\"port\":5432,\"peers\":[\"127.0.0.1\"]}}}\n{\"id\":3,\"do\":{\"shut\":{\"port\":5432}}}\n\
               {\"id\":4,\"do\":{\"open\":{\"port\":5432,\"peers\":[],\"socket\":true}}}\n";
    let said = machine.told(ALICE, raw);
    assert_eq!(said.matches("\"failed\":\"").count(), 3, "{said}");
    assert_eq!(machine.0.printed(), before);
    let mut own = Holder::start(&mut machine.open(BOB, 5432, "127.0.0.1"));
    assert!(own.line.contains("open: port 5432"), "its own user may: {}", own.line);
    own.end_input();
    assert!(own.exit().success());
}

#[test]
fn front_of_another_user_keeps_its_gate_and_peer() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    let _front = machine.listens(BOB, 2345);
    let mut gate = Holder::start(&mut machine.open(BOB, 2345, "127.0.0.1"));
    let during = machine.0.printed();
    let why = machine.refused(ALICE, 2345, "127.0.0.1");
    assert!(why.contains("user 1 listens on port 2345"), "{why}");
    let (output, text) = says(&mut machine.firewall(ALICE, &["close", "--port", "2345"]));
    assert!(!output.status.success() && text.contains("user 1's"), "{text}");
    assert!(machine.connects(BOB, 2345), "its peer passes as before");
    assert_eq!(machine.0.printed(), during);
    gate.end_input();
    assert!(gate.exit().success());
}

/// The front that is gone for a moment: a restart.
#[test]
fn anothers_gate_keeps_its_port_without_listener() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    let mut gate = Holder::start(&mut machine.open(BOB, 2345, "127.0.0.1"));
    let why = machine.refused(ALICE, 2345, "127.0.0.1");
    assert!(why.contains("port 2345 has a gate of user 1"), "{why}");
    gate.end_input();
    assert!(gate.exit().success());
}

#[test]
fn number_taken_by_another_names_no_table_to_delete() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    let _taken = machine.listens(ALICE, 40100);
    let mut gate = Holder::start(&mut machine.open(ALICE, 40100, "127.0.0.1"));
    let during = machine.0.printed();
    let words =
        ["/usr/local/libexec/dlvgate", "serve", "--stdio", "--firewall", "nftables", "--dlv-port", "40100"];
    let mut serve = machine.command(BOB, &words);
    let mut serve =
        serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let request =
        "{\"seq\":1,\"type\":\"request\",\"command\":\"initialize\",\"arguments\":{\"adapterID\":\"go\"}}";
    let message = format!("Content-Length: {}\r\n\r\n{request}", request.len());
    serve.stdin.take().expect("a pipe").write_all(message.as_bytes()).unwrap();
    let output = serve.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(text.contains("40100") && text.contains("in use"), "{text}");
    assert!(!text.contains("delete") && !text.contains("-F rules"), "{text}");
    assert!(machine.refused(BOB, 40100, "127.0.0.1").contains("user 65534 listens on port 40100"));
    assert_eq!(machine.0.printed(), during, "the gate stands");
    gate.end_input();
    assert!(gate.exit().success());
}

/// The system has one port for dlv, from which another user is connected, and gives it twice
/// (ip_autobind_reuse); once that is refused, it has others.
fn leaves_port_of_anothers_connection(flags: &[&str]) {
    let Some(machine) = Machine::new() else { return };
    let server = machine.listens(BOB, 5000);
    let connected = |user, from: ([u8; 4], u16), to: u16| {
        machine.as_user(user, || {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_reuse_address(true).unwrap();
            socket.bind(&SocketAddr::from(from).into()).unwrap();
            socket
                .connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, to)).into())
                .map(|()| TcpStream::from(socket))
        })
    };
    let _connection = connected(BOB, ([127, 0, 0, 1], 40100), 5000).unwrap();
    let _accepted = server.accept().unwrap();
    machine.0.nft(HOST);
    let set = |name: &str, value: &str| {
        machine.0.inside(|| std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap());
    };
    let has_ports = |range: &str| set("ip_local_port_range", range);
    set("ip_autobind_reuse", "1");
    has_ports("40100 40100");
    let words = ["/usr/local/libexec/dlvgate", "serve", "--firewall", "nftables"];
    let mut serve = machine.command(ALICE, &[&words, flags].concat());
    let mut serve =
        serve.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let request =
        "{\"seq\":1,\"type\":\"request\",\"command\":\"initialize\",\"arguments\":{\"adapterID\":\"go\"}}";
    let message = format!("Content-Length: {}\r\n\r\n{request}", request.len());
    serve.stdin.as_mut().expect("a pipe").write_all(message.as_bytes()).unwrap();
    let _client = flags.contains(&"--accept-multiclient").then(|| {
        let client = || connected(ALICE, ([127, 0, 0, 1], 39000), 2345);
        let mut client = poll(PATIENCE, || client().ok()).expect("the front is there");
        client.write_all(message.as_bytes()).unwrap();
        client
    });
    let mut log = BufReader::new(serve.stderr.take().expect("a pipe")).lines().map(Result::unwrap);
    let is_over = |line: &str| line.contains("\"ending\"");
    let refused = log.find(|line| line.contains("another one is started") || is_over(line));
    let refused = refused.expect("its gate is refused");
    assert!(!is_over(&refused), "{refused}");
    assert!(refused.contains("user 1 has a connection from port 40100"), "{refused}");
    has_ports("41000 41999");
    let open = log.find(|line| line.contains("gate_open\"") || is_over(line)).expect("a gate");
    assert!(open.contains("gate_open") && !open.contains("40100"), "{open}");
    kill(Pid::from_raw(serve.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    log.for_each(drop);
    assert!(serve.wait().unwrap().success());
    assert!(!machine.0.printed().contains("dlvgate"), "nothing is left");
}

#[test]
fn session_leaves_port_of_anothers_connection() {
    leaves_port_of_anothers_connection(&["--stdio"]);
}

#[test]
fn spare_leaves_port_of_anothers_connection() {
    leaves_port_of_anothers_connection(&["--listen", "127.0.0.1:2345", "--warm", "1"]);
}

#[test]
fn shared_dlv_leaves_port_of_anothers_connection() {
    leaves_port_of_anothers_connection(&[
        "--listen",
        "127.0.0.1:2345",
        "--",
        "exec",
        "/usr/bin/dlv",
        "--accept-multiclient",
        "--",
        "version",
    ]);
}

/// The kernel lists sockets that are bound and no more whatever port it is asked for.
#[test]
fn socket_bound_elsewhere_keeps_no_gate_shut() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    let _bound = machine.as_user(BOB, || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 7777)).into()).unwrap();
        socket
    });
    let _own = machine.listens(ALICE, 4001);
    let (_, text) = says(&mut machine.open(ALICE, 4001, "192.0.2.5"));
    assert!(text.contains("open: port 4001"), "{text}");
    let why = machine.refused(ALICE, 7777, "192.0.2.5");
    assert!(why.contains("user 1 has bound port 7777"), "{why}");
}

#[test]
fn port_of_roots_outgoing_connection_is_refused() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    machine.0.nft(
        "add rule ip filter INPUT tcp dport 8000 accept; add rule ip filter INPUT tcp sport 8000 accept",
    );
    machine
        .0
        .nft("insert rule inet own in tcp sport 8000 accept; insert rule inet own out tcp dport 8000 accept");
    machine.0.nft("insert rule inet own out tcp sport 8000 accept");
    let server = machine.listens(ROOT, 8000);
    let client = machine.as_user(ROOT, || {
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)), Duration::from_secs(5))
            .unwrap()
    });
    let (mut accepted, from) = server.accept().unwrap();
    let why = machine.refused(ALICE, from.port(), "192.0.2.5");
    assert!(why.contains("user 0 has a connection from port"), "{why}");
    accepted.write_all(b"answer").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    std::io::Read::read_exact(&mut &client, &mut [0; 6]).expect("its answers come");
}

#[test]
fn gate_goes_when_another_user_takes_its_port() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    let before = machine.0.ruleset();
    let own = machine.listens(ALICE, 4000);
    let mut gate = Holder::start(machine.open(ALICE, 4000, "127.0.0.1").arg("--hold").stderr(Stdio::piped()));
    drop(own);
    let theirs = machine.listens(BOB, 4000);
    assert_eq!(gate.exit().code(), Some(1), "it says so and ends");
    assert_eq!(machine.0.ruleset(), before);
    drop(theirs);
}

/// Any user may bind the port of a gate at another address; at the same one the kernel lets them
/// once it is free.
#[test]
fn bind_at_another_address_ends_no_gate() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    for chain in ["ip filter INPUT", "inet own in", "inet own out"] {
        let to_and_from =
            ["saddr", "daddr"].map(|end| format!("insert rule {chain} ip {end} 127.0.0.2 accept"));
        machine.0.nft(&to_and_from.join("; "));
    }
    machine.0.ip(&["address", "add", "192.0.2.1/32", "dev", "lo"]);
    let _own = ["127.0.0.1:4000", "192.0.2.1:2345"].map(|at| machine.listens_at(ALICE, at));
    let lost = machine.listens_at(ALICE, "127.0.0.1:4001");
    let mut guard = machine.guard(ALICE);
    let mut lines = BufReader::new(guard.stdout.take().unwrap()).lines().map(Result::unwrap);
    let opens = [(4000, "127.0.0.1"), (2345, "192.0.2.5"), (4001, "127.0.0.1")].map(|(port, peer)| {
        format!("{{\"id\":2,\"do\":{{\"open\":{{\"port\":{port},\"peers\":[\"{peer}\"]}}}}}}\n")
    });
    let stdin = guard.stdin.as_mut().unwrap();
    stdin.write_all((HELLO.to_owned() + &opens.concat()).as_bytes()).unwrap();
    let answers: Vec<String> = lines.by_ref().take(2 + opens.len()).collect();
    assert!(answers.iter().all(|line| !line.contains("\"failed\":\"")), "{answers:?}");
    let _theirs = ["127.0.0.2:4000", "127.0.0.1:2345"].map(|at| machine.listens_at(BOB, at));
    let _every = machine.as_user(BOB, || {
        let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
        socket.set_only_v6(true).unwrap();
        socket.bind(&"[::]:4000".parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.listen(1).unwrap();
        socket
    });
    drop(lost);
    let _taken = machine.listens_at(BOB, "127.0.0.1:4001");
    let told = lines.next().unwrap();
    assert!(told.contains("\"lost\":4001") && told.contains("user 1 listens on port 4001"), "{told}");
    // The same look has seen the others.
    let reached = |user, at: [&str; 3]| at.map(|at| machine.reaches(user, at));
    let at = ["127.0.0.1:4000", "127.0.0.2:4000", "127.0.0.1:2345"];
    assert_eq!(reached(ALICE, at), [true; 3]);
    for other in [ROOT, BOB] {
        assert_eq!(reached(other, at), [false, true, true], "the gate is at its own address alone");
    }
    let (_, status) = says(&mut machine.firewall(ALICE, &["status"]));
    assert!(status.contains("port 4000  at 127.0.0.1 open to 127.0.0.1"), "{status}");
    stdin.write_all(b"{\"id\":3,\"do\":{\"shut\":{\"port\":4000}}}\n").unwrap();
    let shut = lines.next().unwrap();
    assert!(!shut.contains("\"failed\":\""), "{shut}");
    assert_eq!(reached(ALICE, at), [false, true, true], "nor does it shut another one's");
    drop(guard.stdin.take());
    guard.wait().unwrap();
}

/// How long gates may outlive their listeners where another user connects from their ports: a look,
/// on a busy machine. One port after another took ten seconds.
const A_LOOK: Duration = Duration::from_secs(5);

/// A gate needs no listener once it is open, and a user may have this many.
#[test]
fn gates_go_when_another_user_connects_from_ports() {
    let Some(machine) = Machine::new() else { return };
    let service = machine.listens(ROOT, 8000);
    let ports = 41_000..41_016;
    let own: Vec<TcpListener> = ports.clone().map(|port| machine.listens(ALICE, port)).collect();
    let mut guard = machine.guard(ALICE);
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(guard.stdout.take().unwrap()));
    let peers = "\"peers\":[\"192.0.2.5\"]";
    let opens =
        ports.clone().map(|port| format!("{{\"id\":2,\"do\":{{\"open\":{{\"port\":{port},{peers}}}}}}}\n"));
    let requests = HELLO.to_owned() + &opens.collect::<String>();
    guard.stdin.as_mut().unwrap().write_all(requests.as_bytes()).unwrap();
    for _ in 0..ports.len() + 2 {
        let line = lines.next().unwrap().unwrap();
        assert!(!line.contains("\"failed\":\""), "{line}");
    }
    drop(own);
    let begun = Instant::now();
    let connecting: Vec<_> =
        ports.clone().map(|port| machine.as_user(BOB, || connecting_from(port, 8000))).collect();
    let lost: Vec<String> = ports.map(|_| lines.next().unwrap().unwrap()).collect();
    let took = begun.elapsed();
    assert!(lost.iter().all(|line| line.contains("user 1 has a connection")), "{lost:?}");
    assert!(took < A_LOOK, "{took:?}");
    drop((service, connecting, guard.stdin.take()));
    guard.wait().unwrap();
}

/// A connection that is asked for, from this port.
fn connecting_from(port: u16, to: u16) -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    once_free(|| socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()));
    socket.set_nonblocking(true).unwrap();
    let _ = socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, to)).into());
    socket
}

/// Binds a port that this test has closed. It stays in use for a moment longer where another test
/// starts a process, which has all our sockets until its exec.
fn once_free<T>(bind: impl Fn() -> std::io::Result<T>) -> T {
    let begun = Instant::now();
    loop {
        match bind() {
            Ok(bound) => return bound,
            Err(error) => assert!(begun.elapsed() < A_LOOK, "{error}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn policy_holds_a_user_to_ports_and_networks() {
    let Some(machine) = Machine::new() else { return };
    machine.0.nft(HOST);
    let _listeners = [4000, 30001].map(|port| machine.listens(ALICE, port));
    let policy = "--ports 30000-30099 --peers 192.0.2.0/24";
    let try_it = |port, from, spoil: &str| {
        let mut open = machine.open(ALICE, port, from);
        says(open.env("POLICY", policy).env("SPOIL", spoil)).1
    };
    let text = try_it(30001, "192.0.2.5", "");
    assert!(text.contains("open: port 30001 for 192.0.2.5"), "{text}");
    assert!(try_it(30001, "127.0.0.1", "").contains("open: port 30001"), "loopback is always one");
    let text = try_it(4000, "192.0.2.5", "");
    assert!(
        text.contains("30000-30099") && text.contains("--dlv-port A-B") && text.contains("--ports 4000"),
        "{text}"
    );
    let text = try_it(30001, "198.51.100.7", "");
    assert!(text.contains("192.0.2.0/24") && text.contains("--peers 198.51.100.7"), "{text}");
    let text = try_it(30001, "192.0.2.5", "mode = \"open\"");
    assert!(text.contains("policy.toml is not obeyed, and nothing is opened"), "{text}");
    let mut status = machine.firewall(ALICE, &["status"]);
    let (_, text) = says(status.env("POLICY", policy));
    assert!(text.contains("nobody may open ports 30000-30099 for 192.0.2.0/24"), "{text}");
    // A user who is not named has the limits of all users.
    let _bobs = machine.listens(BOB, 4001);
    assert!(
        says(machine.open(BOB, 4001, "198.51.100.7").env("POLICY", policy)).1.contains("open: port 4001")
    );
    let (_, text) = says(machine.open(BOB, 4001, "0.0.0.0/0").env("POLICY", policy));
    assert!(text.contains("wider than a site's network"), "{text}");
}

#[test]
fn interfaces_of_peers_are_few_and_there() {
    let Some(machine) = Machine::new() else { return };
    for pair in 0..9 {
        let [one, other] = [format!("a{pair}"), format!("b{pair}")];
        machine.0.ip(&["link", "add", &one, "type", "veth", "peer", "name", &other]);
    }
    let _own = machine.listens(ALICE, 4000);
    let open = |count: usize, beginning: &str| {
        let peers = (0..count).map(|at| format!("\"fe80::1%{beginning}{at}\""));
        let peers =
            peers.chain((0..count).map(|at| format!("\"fe80::1%b{at}\""))).collect::<Vec<_>>().join(",");
        machine
            .told(ALICE, &format!("{{\"id\":2,\"do\":{{\"open\":{{\"port\":4000,\"peers\":[{peers}]}}}}}}\n"))
    };
    assert!(!open(8, "a").contains("\"failed\":\""), "16 interfaces");
    assert!(open(9, "a").contains("would name 18 interfaces"));
    assert!(open(1, "absent").contains("fe80::1%absent0 is on an interface that this machine does not have"));
}

/// How long a gate of another user takes to open in each machine, the shortest of some, in turns:
/// what else the processors do meanwhile makes both slower.
fn shortest(machines: [&Machine; 2]) -> [Duration; 2] {
    let request = "{\"id\":2,\"do\":{\"open\":{\"port\":4001,\"peers\":[\"192.0.2.5\"]}}}\n";
    let one = |machine: &Machine| {
        let mut guard = machine.guard(BOB);
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(guard.stdout.take().unwrap()));
        lines.next().unwrap().unwrap();
        let stdin = guard.stdin.as_mut().unwrap();
        stdin.write_all(HELLO.as_bytes()).unwrap();
        lines.next().unwrap().unwrap();
        let begun = Instant::now();
        stdin.write_all(request.as_bytes()).unwrap();
        let answer = lines.next().unwrap().unwrap();
        let took = begun.elapsed();
        assert!(!answer.contains("failed"), "{answer}");
        drop(guard.stdin.take());
        guard.wait().unwrap();
        took
    };
    let rounds = (0..7).map(|_| machines.map(one));
    rounds.reduce(|best, now| [best[0].min(now[0]), best[1].min(now[1])]).expect("some")
}

/// How often it is looked whether an open is quick enough.
const TRIES: usize = 5;

#[test]
fn quota_bounds_what_gates_cost_another_user() {
    let (Some(machine), Some(quiet)) = (Machine::new(), Machine::new()) else { return };
    let both = [&quiet, &machine];
    both.iter().for_each(|machine| machine.0.nft(HOST));
    let _own = both.map(|machine| machine.listens(BOB, 4001));
    let _listeners: Vec<TcpListener> = (0..64).map(|at| machine.listens(ALICE, 41000 + at)).collect();
    let many = |first: u16, count: u16, peers: u16| -> String {
        let open = |port: u16| {
            let peers: Vec<String> =
                (0..peers).map(|at| format!("\"198.51.{}.{}\"", port % 100, at * 2)).collect();
            format!("{{\"id\":2,\"do\":{{\"open\":{{\"port\":{port},\"peers\":[{}]}}}}}}\n", peers.join(","))
        };
        (first..first + count).map(open).collect()
    };
    // All the peers that a user may have, none of them next to another; and all the gates.
    for (gates, peers, opens, why) in [(55, 64, 4, "would have 257 peers"), (55, 1, 16, "16 gates already")] {
        let mut load = machine.guard(ALICE);
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(load.stdout.take().unwrap()));
        let requests = HELLO.to_owned() + &many(41000, gates, peers);
        load.stdin.as_mut().unwrap().write_all(requests.as_bytes()).unwrap();
        let replies: Vec<String> = (0..gates + 2).map(|_| lines.next().unwrap().unwrap()).collect();
        let opened = replies.iter().skip(2).filter(|reply| !reply.contains("failed")).count();
        assert_eq!(opened, opens, "{replies:?}");
        let _one_more = machine.listens(ALICE, 41100);
        let more = machine.told(ALICE, &many(41100, 1, 1));
        assert!(more.contains(why), "nor with another guard: {more}");
        // Other work makes an open slower in either machine, and in none faster.
        let found = (0..TRIES).map(|_| shortest(both)).find(|[alone, beside]| *beside < *alone * 2);
        let [alone, beside] =
            found.unwrap_or_else(|| panic!("slowed by more than 2 beside {gates} gates of {peers}"));
        println!("open(): {alone:?} alone, {beside:?} beside {opens} gates of {peers} peers");
        drop(load.stdin.take());
        load.wait().unwrap();
        let left = poll(Duration::from_secs(5), || (!machine.0.printed().contains("dlvgate_")).then_some(()));
        assert!(left.is_some());
    }
}
