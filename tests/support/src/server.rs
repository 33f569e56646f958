//! The server under test, started as a user starts it, and what it must not leave behind.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::client::Client;
use crate::namespace::Namespace;
use crate::paths;
use crate::process::{self, Process};
use crate::session_log::Log;
use crate::toolchain::Pair;
use crate::{PATIENCE, poll};

/// A `dlvgate serve …` that is to be started.
pub struct Serve {
    command: Command,
    arguments: Vec<OsString>,
    dlv: PathBuf,
    extra: Vec<OsString>,
    mark: String,
    folder: TempDir,
    own_journals: bool,
}

impl Serve {
    /// With this pair's dlv on a loopback front, its firewall off.
    pub fn with(pair: &Pair) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::Builder::new().prefix("dlvgate-server-").tempdir().unwrap();
        let mut command = pair.command(paths::dlvgate());
        command.env(process::MARK, &mark).env("TMPDIR", folder.path()).current_dir(folder.path());
        Self {
            command,
            arguments: Vec::new(),
            dlv: pair.dlv.clone(),
            extra: Vec::new(),
            mark,
            folder,
            own_journals: true,
        }
    }

    /// With another dlv than the pair's.
    pub fn dlv(mut self, path: impl Into<PathBuf>) -> Self {
        self.dlv = path.into();
        self
    }

    /// With these flags of `serve`.
    pub fn flags<S: AsRef<OsStr>>(mut self, flags: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(flags.into_iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// With these flags for dlv, after `--`.
    pub fn dlv_flags<S: AsRef<OsStr>>(mut self, flags: impl IntoIterator<Item = S>) -> Self {
        self.extra.extend(flags.into_iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// With this variable in its environment.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// With this packet filter, whatever was said before.
    pub fn firewall(mut self, choice: &str) -> Self {
        if let Some(at) = self.arguments.iter().position(|one| one == "--firewall") {
            self.arguments.drain(at..at + 2);
        }
        self.flags(["--firewall", choice])
    }

    /// Where the guards' journals are: in the test's own folder, or the system's.
    pub fn own_journals(mut self, own: bool) -> Self {
        self.own_journals = own;
        self
    }

    /// As this user of the machine.
    pub fn run_as(mut self, uid: u32) -> Self {
        std::os::unix::process::CommandExt::uid(&mut self.command, uid);
        self
    }

    /// With no more open files than this, unless it raises its own limit.
    pub fn limit_files(mut self, files: u64) -> Self {
        let limit = move || {
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
            Ok(setrlimit(Resource::RLIMIT_NOFILE, files, hard)?)
        };
        // SAFETY: two system calls between fork and exec.
        #[allow(unsafe_code, reason = "the limit is the child's alone: it is set between fork and exec")]
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(&mut self.command, limit)
        };
        self
    }

    /// In this network namespace. What connects to it has to be there too.
    pub fn inside(mut self, namespace: &Namespace) -> Self {
        let [ip, rest @ ..] = namespace.prefix();
        let mut command = Command::new(ip);
        command.args(rest).arg(self.command.get_program()).current_dir(self.folder.path());
        command.envs(self.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        self.command = command;
        self
    }

    fn prepare(&mut self) {
        let defaults: [(&str, &OsStr); 4] = [
            ("--listen", OsStr::new("127.0.0.1:0")),
            ("--dlv", self.dlv.as_os_str()),
            ("--firewall", OsStr::new("off")),
            ("--log-format", OsStr::new("json")),
        ];
        self.command.arg("serve");
        for (flag, value) in defaults {
            let upstream_instead = flag == "--dlv" && self.arguments.iter().any(|one| one == "--upstream");
            if !upstream_instead && !self.arguments.iter().any(|one| one == flag) {
                self.command.arg(flag).arg(value);
            }
        }
        self.command.args(&self.arguments);
        if self.own_journals && !self.arguments.iter().any(|one| one == "--journals") {
            // A guard that a failed test kills leaves its journal to this test alone.
            self.command.arg("--journals").arg(self.folder.path().join("journals"));
        }
        if !self.extra.is_empty() {
            self.command.arg("--").args(&self.extra);
        }
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs what must end by itself.
    pub fn run(mut self) -> Output {
        self.prepare();
        let mut child = self.command.spawn().unwrap();
        if poll(PATIENCE, || child.try_wait().unwrap()).is_none() {
            let _ = child.kill();
            let output = child.wait_with_output().unwrap();
            panic!("it does not end: {}", String::from_utf8_lossy(&output.stderr));
        }
        child.wait_with_output().unwrap()
    }

    /// Starts it and waits for its ready line, which must be the first bytes on stdout.
    pub fn start(mut self) -> Server {
        self.prepare();
        let mut child = self.command.spawn().unwrap();
        let log = Log::default();
        log.follow(child.stderr.take().expect("a pipe"));
        let mut stdout = child.stdout.take().expect("a pipe");
        let mut line = Vec::new();
        // The server's own death or the test runner's patience ends this.
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            match stdout.read(&mut byte).unwrap() {
                0 => break,
                _ => line.push(byte[0]),
            }
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let front = ready_address(&line);
        let rest = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&rest);
        std::thread::spawn(move || {
            let mut byte = [0; 512];
            while let Ok(count @ 1..) = stdout.read(&mut byte) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&byte[..count]);
            }
        });
        let mut server = Server { child, log, mark: self.mark, folder: self.folder, front: None, rest };
        server.front = front;
        assert!(front.is_some(), "no ready line but {line:?}, log: {:#?}", server.log.lines());
        server
    }
}

/// The address of a ready line that is exactly as clients look for it.
pub fn ready_address(line: &str) -> Option<SocketAddr> {
    crate::dropin::address(line)
}

/// A running server. Dropped, it and all that it started are killed.
pub struct Server {
    child: Child,
    /// Its log so far.
    pub log: Log,
    mark: String,
    folder: TempDir,
    front: Option<SocketAddr>,
    rest: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    /// Where clients connect.
    pub fn front(&self) -> SocketAddr {
        self.front.expect("a started server")
    }

    /// A new client, connected.
    pub fn client(&self) -> Client {
        Client::connect(self.front())
    }

    /// The pid of the server itself.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// Returns standard output after the ready line.
    pub fn rest_of_stdout(&self) -> String {
        String::from_utf8_lossy(&self.rest.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// All processes that it started and that are there now, but for its own kind.
    pub fn children(&self) -> Vec<Process> {
        process::marked(&self.mark).into_iter().filter(|one| !one.is("dlvgate")).collect()
    }

    /// Its guard.
    pub fn guard(&self) -> Process {
        self.own("guard").expect("a guard runs")
    }

    /// Its reaper, once a dlv has been started.
    pub fn reaper(&self) -> Option<Process> {
        self.own("reaper")
    }

    /// A process of dlvgate's that runs with this command.
    fn own(&self, command: &str) -> Option<Process> {
        let mut all = process::marked(&self.mark).into_iter();
        all.find(|one| one.arguments.get(1).is_some_and(|word| word == command))
    }

    /// The running dlv processes.
    pub fn dlvs(&self) -> Vec<Process> {
        self.children().into_iter().filter(|one| one.is("dlv")).collect()
    }

    /// The one running dlv.
    pub fn dlv(&self) -> Process {
        let dlvs = self.dlvs();
        assert_eq!(dlvs.len(), 1, "one dlv must run: {dlvs:?}");
        dlvs[0].clone()
    }

    /// Processes of which an executable's name begins so.
    pub fn programs(&self, prefix: &str) -> Vec<Process> {
        let named = |one: &Process| {
            one.exe.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        };
        self.children().into_iter().filter(named).collect()
    }

    /// The ports on which it and what it started listen.
    pub fn ports(&self) -> Vec<u16> {
        process::listening_ports(&process::marked(&self.mark))
    }

    /// The same without the front: those of its dlvs.
    pub fn dlv_ports(&self) -> Vec<u16> {
        self.ports().into_iter().filter(|port| *port != self.front().port()).collect()
    }

    /// Waits until the log says that `count` sessions with a dlv are closed; then nothing of them
    /// may be left.
    pub fn closed(&self, count: usize) {
        self.log.wait(&format!("{count} closed sessions"), |transitions| {
            let with_dlv = transitions.iter().filter(|one| one.name == "dlv_starting");
            let closed = with_dlv.filter(|begun| {
                transitions.iter().any(|one| one.session == begun.session && one.name == "closed")
            });
            (closed.count() >= count).then_some(())
        });
        self.nothing_left();
    }

    /// No process, no port but the front, no built binary: at once, not after a while. A child that
    /// has ended holds nothing, and is waited for in a while.
    pub fn nothing_left(&self) {
        let (children, ports) = (self.children(), self.ports());
        assert!(children.is_empty(), "processes are left: {children:#?}");
        let own: Vec<i32> = process::marked(&self.mark).iter().map(|one| one.pid).collect();
        let reaped = poll(PATIENCE, || process::zombies_of(&own).is_empty().then_some(()));
        assert!(reaped.is_some(), "zombies are left: {:#?}", process::zombies_of(&own));
        assert_eq!(ports, [self.front().port()], "ports other than the front are open");
        let binaries = process::debug_binaries(self.folder.path());
        assert!(binaries.is_empty(), "binaries are left: {binaries:?}");
    }

    /// All processes of it that are there now: itself, its guard, and all that they started.
    pub fn processes(&self) -> Vec<Process> {
        process::marked(&self.mark)
    }

    /// The folder that it runs in and builds in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns its status, if it has ended. The caller looks for leftovers.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        process::signal_pid(self.pid(), signal);
    }

    /// Waits until it has ended by itself; then nothing at all of it may be left.
    pub fn exit(&mut self) -> ExitStatus {
        let status = poll(PATIENCE, || self.child.try_wait().unwrap());
        let status = status.expect("the server ends");
        let left = process::marked(&self.mark);
        assert!(left.is_empty(), "processes are left: {left:#?}");
        let binaries = process::debug_binaries(self.folder.path());
        assert!(binaries.is_empty(), "binaries are left: {binaries:?}");
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of the server:\n{}", self.log.lines().join("\n"));
        }
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        for process in process::marked(&self.mark) {
            process.signal(Signal::SIGKILL);
        }
    }
}
