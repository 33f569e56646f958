//! A front that is a Unix socket, as `dlvgate dlv` has one: the same inputs come through it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::attack::Attack;
use crate::support::dropin::{Dlv, Which};
use crate::support::toolchain::Pair;
use crate::support::{PATIENCE, poll};
use crate::{foreign, headers};

/// Those for which nothing is started, since its dlv serves one client alone.
fn all() -> impl Iterator<Item = Attack> {
    headers::all().into_iter().chain(foreign::all()).filter(|attack| attack.is_first && !attack.starts_dlv)
}

#[test]
fn what_is_refused_at_a_port_is_refused_at_a_unix_socket() {
    let dlv = Dlv::new(&Pair::any(), Which::Command);
    let path = dlv.file("socket");
    let running = dlv.args(["dap", &format!("--listen=unix:{}", path.display())]).start();
    poll(PATIENCE, || path.exists().then_some(())).expect("a socket");
    for attack in all() {
        let mut stream = poll(PATIENCE, || UnixStream::connect(&path).ok()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(&attack.bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = Vec::new();
        // A socket that is closed with unread bytes is reset.
        let _ = stream.read_to_end(&mut said);
        assert!(!said.is_empty(), "{}: told nothing", attack.name);
    }
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let initialize = serde_json::json!({"command": "initialize", "arguments": crate::support::debug::initialize_arguments()});
    stream.write_all(&crate::attack::request(&initialize)).unwrap();
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"Content-Length: ");
    drop(stream);
    drop(running);
}
