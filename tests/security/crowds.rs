//! One of those who may connect takes all that it can get.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::link::connect;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};

const CROWD: &str = "127.0.0.2";
const OTHER: &str = "127.0.0.3";

fn server(flags: &[&str]) -> Server {
    Serve::with(&Pair::any()).flags(["--allow", "127.0.0.0/8"]).flags(flags).start()
}

/// Waits until the server has closed it; how many bytes it sent before.
fn bytes_until_closed(mut stream: TcpStream) -> usize {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => {
            panic!("it is not closed: {error}")
        }
        _ => said.len(),
    }
}

fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    matches!(stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

fn serves(front: SocketAddr, from: &str) {
    Debug::begin_quietly(Client::over(connect(from, front).expect("it may connect"))).disconnect();
}

#[test]
fn idle_connections_leave_half_of_the_places() {
    let server = server(&["--max-sessions", "4"]);
    // 32 of 64 that may be silent, and 2 of 4 sessions.
    let mut crowd: Vec<TcpStream> =
        (0..34).map(|_| connect(CROWD, server.front()).expect("it may connect")).collect();
    let over = connect(CROWD, server.front()).expect("the system accepts it first");
    assert_eq!(bytes_until_closed(over), 0);
    let named =
        |line: &String| line.contains("this address has too many connections (34)") && line.contains(CROWD);
    poll(PATIENCE, || server.log.lines().iter().any(named).then_some(())).expect("it is named");
    assert!(crowd.iter_mut().all(is_open));
    serves(server.front(), OTHER);
    crowd.clear();
    // It is let in again once it has left.
    poll(PATIENCE, || {
        let mut again = connect(CROWD, server.front()).ok()?;
        std::thread::yield_now();
        is_open(&mut again).then_some(())
    })
    .expect("a place is given back");
    server.closed(1);
}

#[test]
fn address_limit_leaves_sessions_to_others() {
    let server = server(&["--max-sessions", "2"]);
    let first = Client::over(connect(CROWD, server.front()).unwrap()).initialize();
    let mut second = Client::over(connect(CROWD, server.front()).unwrap());
    let refused = second.refused("initialize", initialize_arguments());
    assert!(refused.contains("--max-sessions-per-address is 1"), "{refused}");
    serves(server.front(), OTHER);
    Debug { client: first }.disconnect();
    serves(server.front(), CROWD);
    server.closed(3);
}

#[test]
fn sole_or_unlimited_address_gets_all_sessions() {
    for flags in [&["--allow", CROWD][..], &["--allow", "127.0.0.0/8", "--max-sessions-per-address", "2"]] {
        let server = Serve::with(&Pair::any()).flags(["--max-sessions", "2"]).flags(flags).start();
        let clients = [(); 2].map(|()| Client::over(connect(CROWD, server.front()).unwrap()).initialize());
        let mut third = Client::over(connect(CROWD, server.front()).unwrap());
        third.refused("initialize", initialize_arguments());
        clients.into_iter().for_each(|client| Debug { client }.disconnect());
        server.closed(2);
    }
}
