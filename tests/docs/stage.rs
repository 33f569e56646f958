//! Where a block is run: a home folder with a Go project in it, and namespaces of its own for the
//! network, the mounts and the processes, so that printed ports are free, root's commands change
//! nothing, and nothing outlives the test.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::paths::repository;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll, process, script, standin};
use tempfile::TempDir;

use crate::running::Running;

/// The folders that `install` and the guard write to are empty there, and private to it.
const SETUP: &str = "set -e
mkdir -p /usr/local/libexec /var/lib/dlvgate /etc/sudoers.d
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=750 tmpfs /etc/sudoers.d
mount -t tmpfs -o mode=755 tmpfs /usr/local/libexec
mount -t tmpfs -o mode=755 tmpfs /var/lib/dlvgate
echo ready
exec sleep infinity";

/// As sudo for `nobody`: the real one would not have this PATH.
const SUDO: &str = "#!/bin/sh
SUDO_USER=nobody SUDO_UID=65534 SUDO_GID=65534 exec \"$@\"
";

/// This machine, to the others of the examples.
pub const HERE: &str = "192.0.2.1";

/// The addresses of other machines in the examples; they are this machine's here.
const OTHERS: [&str; 2] = ["192.0.2.5", "192.0.2.6"];

/// Set up again for each block.
pub struct Stage {
    folder: TempDir,
    pub namespace: Namespace,
    pub pair: Pair,
    holder: Child,
    inside: i32,
}

impl Stage {
    /// A new one, or `None` if this user cannot have it; then it says so.
    pub fn new() -> Option<Self> {
        let namespace = Namespace::new()?;
        for address in [HERE].into_iter().chain(OTHERS) {
            namespace.ip(&["address", "add", address, "dev", "lo"]);
        }
        let mut command = namespace.command(&["unshare", "--mount", "--pid", "--fork", "--kill-child"]);
        command.args(["--mount-proc", "bash", "-c", SETUP]).stdout(Stdio::piped());
        let mut holder = command.spawn().expect("unshare runs");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the namespaces could not be made");
        let outside = i32::try_from(holder.id()).expect("a pid");
        let inside = process::children(outside)[0];
        let folder = tempfile::Builder::new().prefix("dlvgate-docs-").tempdir().unwrap();
        let stage = Self { folder, namespace, pair: Pair::any(), holder, inside };
        stage.set();
        Some(stage)
    }

    /// A home with a project in ~/app, and the programs that stand in for others.
    fn set(&self) {
        let program = Program::built(&self.pair, "demo");
        for folder in ["cmd/server", "bin", "../.config/dlvgate"] {
            fs::create_dir_all(self.project().join(folder)).unwrap();
        }
        for (from, to) in [
            (program.main(), "main.go"),
            (program.folder.join("go.mod"), "go.mod"),
            (program.main(), "cmd/server/main.go"),
            (program.binary.clone(), "bin/server"),
            (program.binary.clone(), "demo"),
            (fixture("dlv-1.27/debug.jsonl"), "session.jsonl"),
            (fixture("dlv-1.20/stepping.jsonl"), "yesterday.jsonl"),
            (fixture("dlv-1.20/stepping.jsonl"), "today.jsonl"),
        ] {
            fs::copy(&from, self.project().join(to))
                .unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
        fs::create_dir_all(self.folder.path().join("bin")).unwrap();
        self.program("sudo", SUDO);
    }

    /// Puts a program in front of the others in PATH.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.folder.path().join("bin").join(name);
        script::write(&path, script);
    }

    /// A pf of its own, asked by `pfctl`.
    pub fn pf(&self) {
        let state = self.folder.path().join("pf");
        fs::create_dir_all(&state).unwrap();
        let (state, pfctl) = (state.display(), standin::built());
        self.program(
            "pfctl",
            &format!("#!/bin/sh\nSTANDIN_PF_STATE={state} exec {} \"$@\"\n", pfctl.display()),
        );
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder that commands are run in.
    pub fn project(&self) -> PathBuf {
        self.home().join("app")
    }

    /// A file of the project, as it is now.
    pub fn read(&self, name: &str) -> String {
        let path = self.project().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Starts a command line.
    pub fn start(&self, text: &str) -> Running {
        let mut command = Command::new("nsenter");
        let pid = self.inside.to_string();
        command.args(["--target", &pid, "--mount", "--net", "--pid", "bash", "-e", "-o", "pipefail", "-c"]);
        // nsenter has left the working folder.
        command.arg(format!("cd \"$STAGE_FOLDER\"\n{text}"));
        let kept = std::env::vars_os().filter(|(key, _)| {
            let key = key.to_string_lossy();
            !key.starts_with("DLVGATE_") && !key.starts_with("SUDO_") && !key.starts_with("XDG_")
        });
        command.env_clear().envs(kept).envs(self.pair.env()).env("PATH", self.path());
        command
            .env("HOME", self.home())
            .env("STAGE_FOLDER", self.project())
            .env("TMPDIR", self.folder.path());
        for (key, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
            command.env(key, std::env::var_os(key).unwrap_or_else(|| home.join(folder).into()));
        }
        // Cargo's variables of this test are not those of a user's shell.
        command.env_remove("CARGO_MANIFEST_DIR").env("CARGO_TARGET_DIR", target());
        Running::start(command, text)
    }

    /// Runs a command line to its end, which must be exit code 0.
    pub fn run(&self, text: &str) -> String {
        let ended = self.start(text).ended();
        assert_eq!(ended.code, Some(0), "{text}\n{}\n{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// A connection to one of its ports from an address of another machine, or from this one.
    pub fn connect(&self, from: Option<&str>, port: u16) -> TcpStream {
        self.try_connect(from, port).unwrap_or_else(|error| panic!("port {port}: {error}"))
    }

    /// The same, where it may be refused.
    pub fn try_connect(&self, from: Option<&str>, port: u16) -> std::io::Result<TcpStream> {
        let to = from.map_or("127.0.0.1", |_| HERE);
        let address = |ip: &str, port| SocketAddr::new(ip.parse().expect("an address"), port);
        self.namespace.inside(|| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            if let Some(from) = from {
                socket.bind(&address(from, 0).into())?;
            }
            socket.connect_timeout(&address(to, port).into(), PATIENCE)?;
            Ok(socket.into())
        })
    }

    /// Stand-ins, dlvgate, dlv and Go, then the system's own.
    fn path(&self) -> OsString {
        let pair = self.pair.env().into_iter().find(|(key, _)| *key == "PATH").expect("a PATH").1;
        let dlvgate = Path::new(env!("CARGO_BIN_EXE_dlvgate")).parent().expect("a folder");
        let mut folders = vec![self.folder.path().join("bin"), dlvgate.to_owned()];
        folders.extend(std::env::split_paths(&pair));
        folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
        std::env::join_paths(folders).expect("folders without a colon")
    }
}

impl Drop for Stage {
    /// With the holder everything ends that runs in its namespaces.
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        poll(PATIENCE, || (!process::is_alive(self.inside)).then_some(()));
    }
}

/// A recorded session.
pub fn fixture(name: &str) -> PathBuf {
    repository().join("fixtures/sessions").join(name)
}

/// The target folder of this build.
fn target() -> PathBuf {
    let profile = Path::new(env!("CARGO_BIN_EXE_dlvgate")).parent().expect("a folder");
    profile.parent().expect("the target folder").to_owned()
}
