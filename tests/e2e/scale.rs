//! A thousand sessions at once, clients that stop reading, and messages of any size: what they cost
//! the server. In a network namespace of their own, since what is left of thousands of connections
//! makes each look at the system's tables slow.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use dlvgate_test_support::debug::initialize_arguments;
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::frames::{frame, split_first};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::process::{anonymous_memory, descriptors, open_files_limit};
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::upstream::{SAY, Upstream};
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::json;

const SESSIONS: usize = 1000;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// A session's share; it is a third of this, and `make bench` measures the release build.
const OF_A_SESSION: u64 = 32 * KIB;

/// What an allocator keeps for later.
const SLACK: u64 = 2 * MIB;

/// A server in front of a stand-in, in a namespace; nothing where there can be none.
fn within(flags: &[&str], test: impl FnOnce(&Server, &Upstream) + Send) {
    let Some(namespace) = Namespace::new() else { return };
    namespace.inside(|| {
        let upstream = Upstream::start();
        let address = upstream.address.to_string();
        let serve =
            Serve::with(&Pair::any()).inside(&namespace).flags(["--upstream", &address, "--headless"]);
        test(&serve.flags(flags).start(), &upstream);
    });
}

/// A client that keeps nothing of what it hears.
struct Session(TcpStream);

impl Session {
    fn begin(front: SocketAddr) -> Self {
        let stream = TcpStream::connect(front).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut session = Self(stream);
        session.ask("initialize", initialize_arguments());
        session
    }

    fn send(&mut self, command: &str, arguments: serde_json::Value) {
        let request = json!({"seq": 1, "type": "request", "command": command, "arguments": arguments});
        self.0.write_all(&frame(&request.to_string())).unwrap();
    }

    /// A request with a short answer.
    fn ask(&mut self, command: &str, arguments: serde_json::Value) {
        self.send(command, arguments);
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut chunk).expect("an answer");
            assert!(read > 0, "an answer, not the end");
            bytes.extend_from_slice(&chunk[..read]);
            if let Some((answer, _)) = split_first(&bytes).unwrap() {
                assert_eq!(answer["success"], true, "{answer}");
                return;
            }
        }
    }

    /// Reads the answer to [`SAY`]: a header, and a body of this many bytes.
    fn hear(&mut self, length: u64) {
        let header = format!("Content-Length: {length}\r\n\r\n");
        let mut begun = vec![0; header.len()];
        self.0.read_exact(&mut begun).unwrap();
        assert_eq!(String::from_utf8(begun).unwrap(), header);
        let mut body = (&self.0).take(length);
        assert_eq!(std::io::copy(&mut body, &mut std::io::sink()).unwrap(), length);
    }

    fn close(self, with_reset: bool) {
        if with_reset {
            socket2::SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
        } else {
            self.0.shutdown(Shutdown::Both).unwrap();
        }
    }
}

fn wait_for_connections(upstream: &Upstream, count: usize) {
    let reached = poll(PATIENCE, || (upstream.connections() == count).then_some(()));
    assert!(reached.is_some(), "{} connections, not {count}", upstream.connections());
}

#[test]
fn thousand_sessions_keep_memory_flat() {
    within(&["--max-sessions", "1000"], |server, upstream| {
        Session::begin(server.front()).close(false); // what is made once is made
        wait_for_connections(upstream, 0);
        let (memory, files) = (anonymous_memory(server.pid()), descriptors(server.pid()));
        let mut sessions: Vec<_> = (0..SESSIONS).map(|_| Session::begin(server.front())).collect();
        let full = anonymous_memory(server.pid());
        let each = (full - memory) / SESSIONS as u64;
        println!("a session: {each} bytes");
        assert!(each <= OF_A_SESSION, "{each} bytes a session");

        for round in 0..4 {
            for (index, session) in sessions.drain(..SESSIONS / 2).enumerate() {
                session.close((index + round) % 2 == 0);
            }
            wait_for_connections(upstream, SESSIONS / 2);
            // The places of those that are on their way out are not free yet for a moment; a client
            // waits for one.
            sessions.extend((0..SESSIONS / 2).map(|_| Session::begin(server.front())));
            sessions.iter_mut().for_each(|session| session.ask("threads", json!({})));
        }
        let later = anonymous_memory(server.pid());
        assert!(later <= full + SLACK, "from {full} to {later} bytes after {} sessions", SESSIONS * 3);

        sessions.into_iter().for_each(|session| session.close(false));
        wait_for_connections(upstream, 0);
        // Before, the first one's may not have been given back yet.
        let closed = poll(PATIENCE, || (descriptors(server.pid()) <= files).then_some(()));
        assert!(closed.is_some(), "{} descriptors, not {files}", descriptors(server.pid()));
    });
}

#[test]
fn stalled_client_costs_only_a_bounded_buffer() {
    within(&["--max-sessions", "9"], |server, _| {
        let mut others: Vec<_> = (0..4).map(|_| Session::begin(server.front())).collect();
        let mut stalled: Vec<_> = (0..4).map(|_| Session::begin(server.front())).collect();
        let memory = anonymous_memory(server.pid());
        stalled.iter_mut().for_each(|session| session.send(SAY, json!({"bytes": 64 * MIB})));
        let begun = Instant::now();
        for _ in 0..500 {
            others.iter_mut().for_each(|session| session.ask("threads", json!({})));
        }
        println!("2,000 answers beside four stalled clients: {:?}", begun.elapsed());
        let grown = anonymous_memory(server.pid()).saturating_sub(memory);
        assert!(grown <= MIB, "four stalled clients cost {grown} bytes");
        stalled.iter_mut().for_each(|session| session.hear(64 * MIB));
        others.iter_mut().for_each(|session| session.ask("threads", json!({})));
    });
}

#[test]
fn a_message_of_any_size_needs_no_memory() {
    within(&[], |server, _| {
        let mut session = Session::begin(server.front());
        session.send(SAY, json!({"bytes": MIB}));
        session.hear(MIB);
        let memory = anonymous_memory(server.pid());
        session.send(SAY, json!({"bytes": 512 * MIB}));
        let mut most = 0;
        let header = format!("Content-Length: {}\r\n\r\n", 512 * MIB).len() as u64;
        for _ in 0..64 {
            let mut part = (&session.0).take(8 * MIB);
            std::io::copy(&mut part, &mut std::io::sink()).unwrap();
            most = most.max(anonymous_memory(server.pid()));
        }
        let mut rest = (&session.0).take(header);
        assert_eq!(std::io::copy(&mut rest, &mut std::io::sink()).unwrap(), header);
        assert!(most <= memory + MIB, "from {memory} to {most} bytes");
        session.ask("threads", json!({}));
    });
}

/// 256 files are macOS's default.
#[test]
fn serve_raises_file_limit_but_dlv_keeps_the_old_one() {
    let dlv = FakeDlv::new(r#"ulimit -n >"$0.files"; echo "cannot start" >&2; exit 1"#);
    let mut serve = Serve::with(&Pair::any()).dlv(&dlv.path).flags(["--max-sessions", "1000"]);
    serve = serve.limit_files(256);
    let server = serve.start();
    assert!(open_files_limit(server.pid()) >= 6000, "{}", open_files_limit(server.pid()));
    server.client().refused("initialize", initialize_arguments());
    let files = std::fs::read_to_string(dlv.file("dlv.files")).unwrap();
    assert_eq!(files.trim(), "256");
}
