//! `serve --listen fd:N`: a socket that another program has opened.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::has;

/// Opens a socket, passes it as number 3, and becomes dlvgate.
const PASSES: &str = "
import os, socket, sys
six = sys.argv[1] == 'ipv6 alone'
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
if six: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(('::' if six else '127.0.0.1', 0))
if sys.argv[1] == 'listens': s.listen()
if sys.argv[1] == 'fresh': s = socket.socket()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
if s.fileno() != 3: s.close()
os.execv(sys.argv[2], sys.argv[2:])
";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(how: &str, flags: &[&str]) -> Server {
    let mut python = Command::new("python3");
    python.args(["-c", PASSES, how, env!("CARGO_BIN_EXE_dlvgate"), "serve", "--firewall", "off"]).args(flags);
    Server(python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn clients_are_served_at_a_passed_socket() {
    if !has("python3") {
        return;
    }
    let mut server = start("listens", &["--listen", "fd:3"]);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("DAP server listening at: ").unwrap_or_else(|| panic!("{line}"));
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(dlvgate_protocol::sniff::PROBE).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("dlvgate ") && answer.contains("serves DAP"), "{answer}");
    // Children must not have it: they would keep the port open.
    let descriptor = std::fs::read_to_string(format!("/proc/{}/fdinfo/3", server.0.id())).unwrap();
    let flags = descriptor.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
    assert_ne!(flags & 0o2_000_000, 0, "close-on-exec: {descriptor}");
}

#[test]
fn what_is_no_listening_socket_is_refused() {
    if !has("python3") {
        return;
    }
    for (how, flags, words) in [
        ("fresh", &["--listen", "fd:3"][..], "not a TCP socket that has an address"),
        ("listens", &["--listen", "fd:9"], "no such descriptor is open"),
        ("listens", &["--listen", "fd:1"], "3 or more"),
        (
            "ipv6 alone",
            &["--listen", "fd:3", "--allow", "192.0.2.5"],
            "an IPv4 address can never connect to ::",
        ),
    ] {
        let mut server = start(how, flags);
        let mut said = String::new();
        server.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(server.0.wait().unwrap().code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
