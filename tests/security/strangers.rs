//! A client that may not connect gets a closed connection, without a byte, and is named in the log.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::Command;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::link::{Link, OTHER, PEER, SERVER, connect};
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::strangers::NOBODY;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};

/// What asks for a session.
pub fn request() -> Vec<u8> {
    let request = serde_json::json!({"seq": 1, "type": "request", "command": "initialize", "arguments": initialize_arguments()});
    frame(&request.to_string())
}

/// Asks for a session; how many bytes come before the end.
pub fn bytes_answered(mut stream: TcpStream) -> usize {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(&request()); // it may be closed already
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("it is not closed: {error}"),
        _ => said.len(),
    }
}

/// The log has a line that says of who has all these words that it was closed, and tells of no
/// session.
pub fn is_named(server: &Server, words: &[&str]) {
    let named = |line: &String| line.contains("closed:") && words.iter().all(|word| line.contains(word));
    let told = poll(PATIENCE, || server.log.lines().iter().any(named).then_some(()));
    assert!(told.is_some(), "{words:?}: {:#?}", server.log.lines());
    assert!(server.log.sessions_with("first_byte").is_empty(), "{:#?}", server.log.lines());
    server.nothing_left();
}

pub fn serves(stream: TcpStream) {
    Debug::begin_quietly(Client::over(stream)).disconnect();
}

#[test]
fn address_not_allowed_gets_nothing_and_is_logged() {
    let server = Serve::with(&Pair::any()).flags(["--allow", "127.0.0.2"]).start();
    for stranger in ["127.0.0.3", "127.0.0.1"] {
        let stream = connect(stranger, server.front()).expect("the system accepts it first");
        let from = stream.local_addr().unwrap().to_string();
        assert_eq!(bytes_answered(stream), 0, "{stranger}");
        is_named(&server, &[&from, "only --allow 127.0.0.2"]);
    }
    serves(connect("127.0.0.2", server.front()).unwrap());
    server.closed(1);
}

/// No packet filter helps here: dlvgate alone closes.
#[test]
fn other_host_gets_nothing_without_a_gate() {
    let Some(link) = Link::new() else { return };
    let front = SocketAddr::new(SERVER.parse().unwrap(), 2345);
    let server = Serve::with(&Pair::any())
        .flags(["--listen", &front.to_string(), "--allow", PEER])
        .inside(&link.server)
        .start();
    let stream = link.connect(OTHER, front).expect("nothing filters");
    let from = stream.local_addr().unwrap().to_string();
    assert_eq!(bytes_answered(stream), 0);
    is_named(&server, &[&from, &format!("only --allow {PEER}")]);
    serves(link.connect(PEER, front).expect("the peer"));
    server.closed(1);
}

/// Over both families, having asked for a session: a real second user.
#[test]
fn another_user_s_request_gets_nothing_and_is_logged() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return;
    }
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        if TcpListener::bind(listen).is_err() {
            continue; // no IPv6 here
        }
        let server = Serve::with(&Pair::any()).flags(["--listen", listen]).start();
        let front = server.front();
        let request =
            "Content-Length: 46\\r\\n\\r\\n{\"seq\":1,\"type\":\"request\",\"command\":\"threads\"}";
        let script = format!(
            "trap '' PIPE; exec 3<>/dev/tcp/{}/{} || exit 9; printf '{request}' >&3; timeout 20 cat <&3",
            front.ip(),
            front.port()
        );
        let output = Command::new("bash").args(["-c", &script]).uid(NOBODY).gid(NOBODY).output().unwrap();
        assert_eq!(output.stdout, b"", "{listen}: {output:?}");
        assert_ne!(output.status.code(), Some(9), "it gets a connection: {output:?}");
        is_named(&server, &["user 65534"]);
        serves(TcpStream::connect(front).unwrap());
        server.closed(1);
    }
}
