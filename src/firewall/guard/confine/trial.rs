//! What a test has a debug build try from inside: `DLVGATE_GUARD_TRIAL=before` tries it as the
//! guard is started, and `after` when it has confined itself. Each act prints a line, and the guard
//! ends.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::Command;

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use nix::unistd::{Pid, Uid, getppid, setuid};

use super::loader;

const VARIABLE: &str = "DLVGATE_GUARD_TRIAL";

/// The folder in which a test lets files be made, beside the journals.
const FOLDER: &str = "/root";

pub(super) fn before() {
    if std::env::var(VARIABLE).is_ok_and(|when| when == "before") {
        run();
    }
}

pub(super) fn after() {
    if std::env::var(VARIABLE).is_ok_and(|when| when == "after") {
        run();
    }
}

/// Standard output is the pipe to the test, which is no proxy.
#[expect(clippy::print_stdout, clippy::exit, reason = "a test's own process")]
fn run() {
    for (act, done) in [
        ("write a file of root's", write()),
        ("read a file of root's", fs::read("/etc/shadow").map(drop)),
        ("read a home folder", fs::read_dir(FOLDER).map(drop)),
        ("run a shell", run_program("/bin/sh", &["-c", "exit 0"])),
        ("have the loader run a shell", run_by_loader("/bin/sh")),
        ("read a folder of programs", fs::read_dir("/usr/libexec").map(drop)),
        ("run nft", run_program("/usr/sbin/nft", &["--version"])),
        ("trace the parent", trace()),
        ("signal the parent", Ok(()).and_then(|()| Ok(kill(getppid(), Signal::SIGCONT)?))),
        ("connect to a port", connect()),
        ("connect to a socket", connect_to_a_socket()),
        ("send a datagram", UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("open a raw socket", raw()),
        ("become another user", Ok(()).and_then(|()| Ok(setuid(Uid::from_raw(1))?))),
        ("listen on a port", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("ask for sockets", ask()),
        ("make a socket of the log's kind", UnixDatagram::unbound().map(drop)),
        ("read the process table", fs::read("/proc/1/stat").map(drop)),
    ] {
        match done {
            Ok(()) => println!("{act}: done"),
            Err(error) => println!("{act}: refused, {error}"),
        }
    }
    std::process::exit(0);
}

fn write() -> io::Result<()> {
    let path = format!("{FOLDER}/.dlvgate-trial-{}", std::process::id());
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    fs::remove_file(path)
}

fn run_program(program: &str, words: &[&str]) -> io::Result<()> {
    Command::new(program).args(words).output().map(drop)
}

/// The loader maps the program itself: the kernel is asked only whether it may be read.
fn run_by_loader(program: &str) -> io::Result<()> {
    let loader = loader::of(Path::new("/usr/sbin/nft")).ok_or(io::ErrorKind::NotFound)?;
    let status = Command::new(loader).args([program, "-c", "exit 0"]).output()?.status;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

fn trace() -> io::Result<()> {
    let parent: Pid = getppid();
    ptrace::seize(parent, ptrace::Options::empty())?;
    ptrace::interrupt(parent)?;
    nix::sys::wait::waitpid(parent, None)?;
    Ok(ptrace::detach(parent, None)?)
}

fn connect() -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    TcpStream::connect(listener.local_addr()?).map(drop)
}

/// Nothing listens there: the refusal of one who may connect is another. The address is as long as
/// one of netlink's.
fn connect_to_a_socket() -> io::Result<()> {
    match UnixStream::connect("/no/sock1") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        connected => connected.map(drop),
    }
}

fn raw() -> io::Result<()> {
    let kind = (AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Icmp);
    Ok(socket(kind.0, kind.1, kind.2, kind.3).map(drop)?)
}

fn ask() -> io::Result<()> {
    let (family, kind) = (AddressFamily::Netlink, SockType::Datagram);
    Ok(socket(family, kind, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag).map(drop)?)
}
