//! Another user of this machine, by whichever of its addresses they come: real uids, in network
//! namespaces of the tests' own.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use dlvgate_test_support::dropin::{Dlv, Which, address};
use dlvgate_test_support::link::{Link, PEER, SERVER, SERVER_V6, connect};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use nix::unistd::{Uid, setfsuid};

use crate::strangers::{bytes_answered, is_named, request, serves};

/// A user that is neither root nor `nobody`.
const BOB: u32 = 4_001;

/// Does something whose sockets are this user's, on a thread of their own.
fn as_user<T: Send>(user: u32, action: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let done = scope.spawn(|| {
            setfsuid(Uid::from_raw(user)); // a socket is its file-system user's
            action()
        });
        done.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A server on every address, for a network in which its own machine is.
fn server(place: &Namespace, allow: &[&str], firewall: &str) -> Server {
    let allow = allow.iter().flat_map(|net| ["--allow", net]);
    let serve = Serve::with(&Pair::any()).flags(["--listen", "[::]:2345"]).flags(allow);
    serve.firewall(firewall).inside(place).start()
}

/// A client on the server's machine; `to` is where it connects.
fn from(place: &Namespace, user: u32, from: &str, to: SocketAddr) -> TcpStream {
    let connected = place.inside(|| as_user(user, || connect(from, to)));
    connected.unwrap_or_else(|error| panic!("user {user} from {from} to {to}: {error}"))
}

fn at(address: &str) -> SocketAddr {
    format!("{address}:2345").parse().unwrap()
}

/// Own addresses of the server's machine, and where a client that has one connects.
const OWN: [(&str, &str); 7] = [
    (SERVER, SERVER),
    ("192.0.2.2", SERVER),
    (SERVER, "192.0.2.2"),
    (SERVER_V6, "[2001:db8::1]"),
    ("203.0.113.77", SERVER),
    (SERVER, "203.0.113.1"),
    ("127.0.0.1", "127.0.0.1"),
];

const ALLOWED: [&str; 4] = ["192.0.2.0/24", "2001:db8::/32", "203.0.113.0/24", "127.0.0.0/8"];

/// A second address, and a network of which every address is the machine's without being an
/// interface's.
fn with_more_addresses() -> Option<Link> {
    let link = Link::new()?;
    link.server.ip(&["addr", "add", "192.0.2.2/24", "dev", "wire0"]);
    link.server.ip(&["route", "add", "local", "203.0.113.0/24", "dev", "lo"]);
    Some(link)
}

fn tried(firewall: &str) {
    let Some(link) = with_more_addresses() else { return };
    let server = server(&link.server, &ALLOWED, firewall);
    for (own, to) in OWN {
        let stream = from(&link.server, BOB, own, at(to));
        let name = stream.local_addr().unwrap().port().to_string();
        assert_eq!(bytes_answered(stream), 0, "{own} to {to}");
        is_named(&server, &[&name, "user 4001"]);
    }
    for (count, (own, to)) in OWN.into_iter().enumerate() {
        serves(from(&link.server, 0, own, at(to)));
        server.closed(count + 1);
    }
    serves(link.connect(PEER, at(SERVER)).expect("another machine"));
    server.closed(OWN.len() + 1);
}

#[test]
fn own_address_of_another_user_is_refused() {
    tried("off");
}

#[test]
fn own_address_behind_a_gate_is_refused_too() {
    tried("nftables");
}

#[test]
fn link_local_client_of_another_user_is_refused() {
    let Some(link) = Link::new() else { return };
    let server = server(&link.server, &["fe80::%wire0/64"], "off");
    let index = link.server.inside(|| nix::net::if_::if_nametoindex("wire0").unwrap());
    let own = SocketAddr::V6(std::net::SocketAddrV6::new("fe80::1".parse().unwrap(), 2345, 0, index));
    let dialled = |user| link.server.inside(|| as_user(user, || TcpStream::connect(own))).unwrap();
    assert_eq!(bytes_answered(dialled(BOB)), 0);
    is_named(&server, &["user 4001"]);
    serves(dialled(0));
    server.closed(1);
}

/// It has asked for everything, and is gone before anybody looks whose it is.
#[test]
fn own_address_that_has_spoken_and_left_is_refused() {
    let Some(link) = with_more_addresses() else { return };
    let server = server(&link.server, &ALLOWED, "off");
    // The system accepts for a server that looks at nothing meanwhile.
    server.signal(Signal::SIGSTOP);
    for (own, to) in OWN {
        let mut stream = from(&link.server, BOB, own, at(to));
        stream.write_all(&request()).unwrap();
    }
    server.signal(Signal::SIGCONT);
    serves(from(&link.server, 0, SERVER, at(SERVER)));
    server.closed(1);
    let lines = server.log.lines();
    let refused = lines.iter().filter(|line| line.contains("closed already"));
    assert_eq!(refused.count(), OWN.len(), "{lines:#?}");
    assert_eq!(server.log.sessions_with("first_byte"), [1], "{lines:#?}");
}

/// A user namespace without a map: to those in it every user is `nobody`, they themselves too.
#[test]
fn users_without_a_name_are_told_apart() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--", env!("CARGO_BIN_EXE_dlvgate"), "serve", "--listen", "127.0.0.1:0"]);
    command.args(["--firewall", "off", "--dlv", "/bin/false"]).env_clear().env("HOME", folder.path());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("unshare runs");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let ask =
        |front| [BOB, 0].map(|user| as_user(user, || bytes_answered(TcpStream::connect(front).unwrap())));
    let answered = address(&line).map(ask);
    ask_to_end(&child);
    let said = child.wait_with_output().unwrap();
    let Some(answered) = answered else {
        println!("not run: no user namespace can be made here");
        return;
    };
    let said = String::from_utf8_lossy(&said.stderr);
    assert_eq!(answered, [0, 0], "{said}");
    assert_eq!(said.matches("closed: it is user 65534's, as is all").count(), 2, "{said}");
}

#[test]
fn recording_is_played_to_its_user_only() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return;
    }
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.20/breakpoints.jsonl");
    let start = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        command.args(["replay", "--as", "dlv", "--keep-serving"]).args(flags).arg(fixture);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        (child, address(&line).expect("a ready line"))
    };
    for (flags, is_served) in [(&[][..], false), (&["--only-same-user=false"], true)] {
        let (child, front) = start(flags);
        let own = initialized(TcpStream::connect(front).unwrap());
        let other = as_user(BOB, || initialized(TcpStream::connect(front).unwrap()));
        ask_to_end(&child);
        let said = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&said.stderr);
        assert!(own, "{flags:?}: {said}");
        assert_eq!(other, is_served, "{flags:?}: {said}");
        assert_eq!(said.contains("user 4001"), !is_served, "{flags:?}: {said}");
    }
}

/// Killed, it would lose what it is about to log.
fn ask_to_end(child: &std::process::Child) {
    dlvgate_test_support::process::signal_pid(
        i32::try_from(child.id()).unwrap(),
        nix::sys::signal::Signal::SIGTERM,
    );
}

/// Whether an `initialize` is answered.
fn initialized(mut stream: TcpStream) -> bool {
    use std::io::Read;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(&request());
    stream.read(&mut [0; 64]).is_ok_and(|read| read > 0)
}

/// Plays the listener at the client's address: accepts, speaks, and reads the answer.
fn dialled(listener: &TcpListener, listens: u32) -> (bool, Option<i32>, String) {
    let client = format!("--client-addr={}", listener.local_addr().unwrap());
    let mut running = Dlv::new(&Pair::any(), Which::Command).args(["dap", &client]).start();
    let answered = as_user(listens, || initialized(listener.accept().unwrap().0));
    let ended = running.ended();
    (answered, ended.status.code(), ended.stderr)
}

#[test]
fn client_addr_of_another_user_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return;
    }
    let listen = |user| as_user(user, || TcpListener::bind("127.0.0.1:0").unwrap());
    let (answered, code, said) = dialled(&listen(BOB), BOB);
    assert!(!answered && code == Some(1), "{said}");
    assert!(said.contains("--client-addr is refused: it is user 4001's"), "{said}");
    // The process that accepted counts, not the one that listens now.
    let (answered, code, said) = dialled(&listen(0), BOB);
    assert!(!answered && code == Some(1) && said.contains("user 4001"), "{said}");
    let (answered, _, said) = dialled(&listen(0), 0);
    assert!(answered, "{said}");
}

#[test]
fn unix_client_addr_of_another_user_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let path = folder.path().join("client.sock");
    let script = "
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print(flush=True)
client = listener.accept()[0]
try:
    client.sendall(sys.argv[2].encode())
    answered = len(client.recv(64))
except ConnectionError:
    answered = 0
sys.exit(answered)
";
    let text = String::from_utf8(request()).unwrap();
    let mut listener = Command::new("python3");
    std::os::unix::process::CommandExt::uid(&mut listener, BOB);
    listener.args(["-c", script]).arg(&path).arg(&text).stdout(Stdio::piped());
    let mut listener = listener.spawn().expect("python3 runs");
    poll(PATIENCE, || path.exists().then_some(())).expect("it listens");
    std::io::Read::read(listener.stdout.as_mut().unwrap(), &mut [0; 1]).unwrap();
    let client = format!("--client-addr=unix:{}", path.display());
    let ended = Dlv::new(&Pair::any(), Which::Command).args(["dap", &client]).start().ended();
    assert_eq!(listener.wait().unwrap().code(), Some(0), "it gets nothing");
    assert!(ended.stderr.contains("--client-addr is refused: it is user 4001's"), "{}", ended.stderr);
}
