//! What the checks are about, and what several of them need to know.

use std::env;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use tokio::sync::OnceCell;

use super::facts::delves::Delves;
use super::facts::go::Gos;
use super::facts::go_env::GoEnv;
use super::facts::login_shell::LoginShell;
use crate::firewall::guard::journal::Journals;
use crate::firewall::persist::Platform;
use crate::firewall::{FirewallBackend, Programs};
use crate::variables;

/// GoLand's own default in a Go Remote configuration.
pub const USUAL_PORT: u16 = 2345;

/// The question: port, client and programs.
#[derive(Clone, Debug)]
pub struct DoctorQuestion {
    /// The port that the client connects to; 2345 where nothing is said.
    pub port: Option<u16>,
    /// Where the client connects from; this machine where nothing is said.
    pub from: Option<IpAddr>,
    /// `--dlv`.
    pub dlv: Option<PathBuf>,
    /// The system whose conventions hold.
    pub platform: Platform,
    /// Which packet filter.
    pub backend: FirewallBackend,
    /// The packet filter's programs, where a test has its own.
    pub programs: Programs,
    /// The guards' journals.
    pub journals: Journals,
    /// The error in a configuration file of dlvgate's.
    pub settings: Option<WrongSettings>,
}

/// An error in a configuration file. Its place is kept apart from the text, since a folder may be
/// named `a:1:b`.
#[derive(Clone, Debug)]
pub struct WrongSettings {
    /// For people, with the place.
    pub text: String,
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1, where one line is wrong.
    pub line: Option<usize>,
}

/// The question, the environment that it is asked in, and what was found out once for all checks.
pub struct Context {
    pub(super) question: DoctorQuestion,
    pub(super) home: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) gos: OnceCell<Gos>,
    pub(super) go_env: OnceCell<GoEnv>,
    pub(super) login: OnceCell<LoginShell>,
    pub(super) delves: OnceCell<Delves>,
}

impl Context {
    /// In this process's environment and folder.
    pub fn new(question: DoctorQuestion) -> Context {
        let own = || User::from_uid(Uid::effective()).ok().flatten().map(|user| user.dir);
        let home = variables::folder("HOME").or_else(own);
        Context {
            question,
            home: home.unwrap_or_else(|| "/".into()),
            folder: env::current_dir().unwrap_or_else(|_| "/".into()),
            gos: OnceCell::new(),
            go_env: OnceCell::new(),
            login: OnceCell::new(),
            delves: OnceCell::new(),
        }
    }

    /// The Gos that are installed.
    pub(super) async fn gos(&self) -> &Gos {
        let home = self.home.clone();
        let find = || async {
            tokio::task::spawn_blocking(move || Gos::find(&path(), &home)).await.unwrap_or_default()
        };
        self.gos.get_or_init(find).await
    }

    /// Go's environment. Nothing is known where there is no Go, or it does not say.
    pub(super) async fn go_env(&self) -> &GoEnv {
        let ask = || async {
            match self.gos().await.winner() {
                Some(go) => GoEnv::of(go).await,
                None => GoEnv::default(),
            }
        };
        self.go_env.get_or_init(ask).await
    }

    /// What a login shell sees.
    pub(super) async fn login(&self) -> &LoginShell {
        self.login.get_or_init(|| LoginShell::start(&self.home)).await
    }

    /// The dlvs that are installed.
    pub(super) async fn delves(&self) -> &Delves {
        let look = || Delves::look(self.question.dlv.as_deref(), path(), &self.home);
        self.delves.get_or_init(look).await
    }

    pub(super) fn port(&self) -> u16 {
        self.question.port.unwrap_or(USUAL_PORT)
    }

    pub(super) fn is_mac(&self) -> bool {
        self.question.platform == Platform::Macos
    }

    /// Where the client is, if it is on another machine.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.question.from.filter(|from| !from.to_canonical().is_loopback())
    }

    /// How to install a package here: the command.
    pub(super) fn install(&self, brew: &str, debian: &str, fedora: &str) -> String {
        if self.is_mac() {
            return format!("brew install {brew}");
        }
        let sudo = sudo();
        match ["/usr/bin/apt-get", "/usr/bin/dnf"].iter().position(|tool| Path::new(tool).exists()) {
            Some(0) => format!("{sudo}apt-get install -y {debian}"),
            Some(_) => format!("{sudo}dnf install -y {fedora}"),
            None => format!("brew install {brew}"),
        }
    }
}

/// What root does not need to say.
pub(super) fn sudo() -> &'static str {
    if Uid::effective().is_root() { "" } else { "sudo " }
}

/// Where programs are looked for.
pub(super) fn path() -> Vec<PathBuf> {
    variables::folders("PATH")
}

/// A variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
