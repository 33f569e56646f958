//! The real thing: /sbin/pfctl of this Mac, and connections over its loopback interface.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::machine::{Connection, DAEMON, Heard, OTHER, Outcome, PEER, Pf};

/// Time limit for a silently blocked connection. A connection over loopback takes no time.
const LIMIT: Duration = Duration::from_secs(3);

const IFCONFIG: &str = "/sbin/ifconfig";
const NC: &str = "/usr/bin/nc";

pub struct Kernel {
    pfctl: PathBuf,
    _alias: Alias,
}

impl Kernel {
    pub fn new(pfctl: PathBuf) -> Kernel {
        let is_root = nix::unistd::geteuid().is_root();
        assert!(
            cfg!(target_os = "macos") && is_root,
            "{} is a Mac's, and root's: run `make test-pf-real` on a Mac",
            pfctl.display()
        );
        Kernel { pfctl, _alias: Alias::new(OTHER) }
    }
}

impl Pf for Kernel {
    fn pfctl(&self) -> &Path {
        &self.pfctl
    }

    fn equip(&self, _: &mut Command) {}

    fn as_user(&self, command: &mut Command) {
        command.uid(DAEMON);
    }

    fn connect(&self, from: Ipv4Addr, port: u16) -> Outcome {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddrV4::new(from, 0).into()).unwrap();
        match socket.connect_timeout(&SocketAddrV4::new(PEER, port).into(), LIMIT) {
            Ok(()) => Outcome::Connected(Box::new(Open(socket.into()))),
            Err(error) => match error.kind() {
                ErrorKind::TimedOut => Outcome::Silent,
                // The latter two are what a program hears whose own packet is blocked on its way
                // out.
                ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::HostUnreachable
                | ErrorKind::PermissionDenied => Outcome::Refused,
                _ => panic!("connecting from {from} to port {port}: {error}"),
            },
        }
    }

    fn user_hears(&self, uid: u32, port: u16) -> Heard {
        let limit = LIMIT.as_secs().to_string();
        let mut nc = Command::new(NC);
        nc.args(["-z", "-G", &limit, &PEER.to_string(), &port.to_string()]).uid(uid);
        let began = Instant::now();
        let status = nc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        match status.success() {
            true => Heard::Connected,
            false if began.elapsed() < LIMIT / 2 => Heard::Error,
            false => Heard::Nothing,
        }
    }

    /// It takes a raw socket, and no part of this crate sends raw packets.
    fn passes_in_fragments(&self, _: Ipv4Addr, _: u16) -> Option<bool> {
        None
    }
}

struct Open(TcpStream);

impl Connection for Open {
    fn carries(&mut self) -> bool {
        self.0.set_read_timeout(Some(LIMIT)).unwrap();
        let mut byte = [0];
        self.0.write_all(b"?").is_ok() && matches!(self.0.read(&mut byte), Ok(1))
    }
}

/// Another address of lo0: Linux has the whole of 127.0.0.0/8, macOS only 127.0.0.1. Removed at the
/// end, unless it was there before.
struct Alias(Option<Ipv4Addr>);

impl Alias {
    fn new(address: Ipv4Addr) -> Alias {
        let output = Command::new(IFCONFIG).arg("lo0").output().unwrap();
        let is_there = String::from_utf8_lossy(&output.stdout).contains(&format!("inet {address} "));
        if is_there {
            return Alias(None);
        }
        let alias = Alias(Some(address));
        assert!(ifconfig("alias", address), "lo0 does not get {address}");
        alias
    }
}

impl Drop for Alias {
    fn drop(&mut self) {
        if let Some(address) = self.0 {
            let is_gone = ifconfig("-alias", address);
            assert!(is_gone || std::thread::panicking(), "{address} stays on lo0");
        }
    }
}

fn ifconfig(word: &str, address: Ipv4Addr) -> bool {
    let status = Command::new(IFCONFIG).args(["lo0", word, &address.to_string()]).status();
    status.is_ok_and(|status| status.success())
}
