//! dlv as a user starts it: the real one, `dlvgate dlv`, or dlvgate by a link of that name.

use std::ffi::OsStr;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::namespace::Namespace;
use crate::paths;
use crate::process::{self, Process};
use crate::toolchain::Pair;
use crate::{PATIENCE, poll};

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The pair's dlv.
    Real,
    /// `dlvgate dlv`.
    Command,
    /// A link to dlvgate, named dlv.
    Link,
    /// dlvgate with a command of its own.
    Dlvgate,
}

/// A dlv that is to be started.
pub struct Dlv {
    /// The command, without its words so far.
    pub command: Command,
    mark: String,
    folder: TempDir,
}

impl Dlv {
    /// With this pair's real dlv and Go, in a folder of its own, no firewall.
    pub fn new(pair: &Pair, which: Which) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mark = format!("dropin-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::Builder::new().prefix("dlvgate-dropin-").tempdir().unwrap();
        let ours = paths::dlvgate();
        let mut command = match which {
            Which::Real => pair.command(&pair.dlv),
            Which::Command => {
                let mut command = pair.command(ours);
                command.arg("dlv");
                command
            }
            Which::Dlvgate => pair.command(ours),
            Which::Link => {
                let link = folder.path().join("dlv");
                std::os::unix::fs::symlink(ours, &link).unwrap();
                pair.command(link)
            }
        };
        command.env(process::MARK, &mark).env("DLVGATE_DLV", &pair.dlv).env("DLVGATE_FIREWALL", "off");
        command.env_remove("DLVGATE_LOG").current_dir(folder.path());
        Self { command, mark, folder }
    }

    /// With these words.
    pub fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command.args(words);
        self
    }

    /// With this variable.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// In this folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// A path in the folder of its own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// In this network namespace.
    pub fn inside(mut self, namespace: &Namespace) -> Self {
        let [ip, rest @ ..] = namespace.prefix();
        let mut command = Command::new(ip);
        command.args(rest).arg(self.command.get_program()).args(self.command.get_args());
        command.envs(self.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.current_dir(self.folder.path());
        self.command = command;
        self
    }

    /// Starts it with pipes; its input is empty.
    pub fn start(mut self) -> Running {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.start_as_it_is()
    }

    /// As `start`, with `input` on its standard input.
    pub fn start_with_input(mut self, input: &str) -> Running {
        use std::io::Write;
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = self.start_as_it_is();
        let mut stdin = running.child.stdin.take().expect("a pipe");
        // One that ends before it reads is a result, too.
        let _ = stdin.write_all(input.as_bytes());
        running
    }

    /// Starts it with whatever streams the command has.
    pub fn start_as_it_is(mut self) -> Running {
        let mut child = self.command.spawn().expect("it can be started");
        drop(self.command); // it may hold ends of pipes
        let stdout = child.stdout.take().map(Collected::from).unwrap_or_default();
        let stderr = child.stderr.take().map(Collected::from).unwrap_or_default();
        Running { child, stdout, stderr, mark: self.mark, folder: self.folder }
    }
}

/// The output of a pipe so far. The default is a stream that was not piped: nothing comes.
#[derive(Clone, Debug)]
pub struct Collected {
    bytes: Arc<Mutex<(Vec<u8>, bool)>>,
}

impl Default for Collected {
    fn default() -> Self {
        Self { bytes: Arc::new(Mutex::new((Vec::new(), true))) }
    }
}

impl Collected {
    /// Follows a pipe.
    pub fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let collected = Self { bytes: Arc::default() };
        let into = Arc::clone(&collected.bytes);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                let read = pipe.read(&mut chunk).unwrap_or(0);
                let mut bytes = into.lock().unwrap_or_else(PoisonError::into_inner);
                bytes.0.extend_from_slice(&chunk[..read]);
                bytes.1 = read == 0;
                if read == 0 {
                    return;
                }
            }
        });
        collected
    }

    /// Returns the output so far.
    pub fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes.0).into_owned()
    }

    /// Returns the whole output, at its end.
    pub fn whole(&self) -> String {
        poll(PATIENCE, || self.has_ended().then(|| self.text())).expect("the pipe is closed")
    }

    /// Says whether the pipe is closed, and all of it read.
    pub fn has_ended(&self) -> bool {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Waits for a whole line; gives it with its end.
    pub fn first_line(&self) -> String {
        let line = poll(PATIENCE, || {
            let text = self.text();
            text.find('\n').map(|end| text[..=end].to_owned())
        });
        line.unwrap_or_else(|| panic!("no line but {:?}", self.text()))
    }
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// The status that its parent sees.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// A dlv that was started. Dropped, it and all that it started are killed.
pub struct Running {
    /// The process itself.
    pub child: Child,
    /// Its standard output.
    pub stdout: Collected,
    /// Its standard error.
    pub stderr: Collected,
    mark: String,
    folder: TempDir,
}

impl Running {
    /// The address in its ready line, which must be the first line on standard output.
    pub fn ready(&self) -> SocketAddr {
        let line = self.stdout.first_line();
        address(&line).unwrap_or_else(|| panic!("no ready line but {line:?}; {}", self.stderr.text()))
    }

    /// The processes that are there now, but for itself.
    pub fn others(&self) -> Vec<Process> {
        let own = i32::try_from(self.child.id()).unwrap();
        process::marked(&self.mark).into_iter().filter(|one| one.pid != own).collect()
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The real dlv that it has started.
    pub fn dlv(&self) -> Process {
        let found = poll(PATIENCE, || self.others().into_iter().find(|one| one.is("dlv")));
        found.expect("a dlv runs")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        process::signal_pid(i32::try_from(self.child.id()).unwrap(), signal);
    }

    /// Waits until it ends by itself, and until what it wrote is read.
    pub fn ended(&mut self) -> Ended {
        let status = poll(PATIENCE, || self.child.try_wait().unwrap());
        let status = status
            .unwrap_or_else(|| panic!("it does not end: {} {}", self.stdout.text(), self.stderr.text()));
        for stream in [&self.stdout, &self.stderr] {
            // What outlives dlv may hold one open.
            poll(PATIENCE, || (stream.has_ended() || !self.others().is_empty()).then_some(()));
        }
        Ended { status, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// Waits until nothing that it started is there, and no binary that dlv builds.
    pub fn nothing_left(&self) {
        poll(PATIENCE, || self.others().is_empty().then_some(()))
            .unwrap_or_else(|| panic!("left: {:#?}", self.others()));
        let binaries = process::debug_binaries(self.folder.path());
        assert!(binaries.is_empty(), "binaries are left: {binaries:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in process::marked(&self.mark) {
            process.signal(Signal::SIGKILL);
        }
    }
}

/// The address of a ready line, as exactly as clients look for it.
pub fn address(line: &str) -> Option<SocketAddr> {
    let line = line.strip_suffix('\n')?;
    let prefixes = ["DAP server listening at: ", "API server listening at: "];
    prefixes.iter().find_map(|prefix| line.strip_prefix(prefix))?.parse().ok()
}
