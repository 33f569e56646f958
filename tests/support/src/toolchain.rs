//! The pairs of dlv and Go that `tests/setup/install-delve` installs, and the tests run with each
//! of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{paths, process};

/// One dlv with the Go that it supports.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The name of its folder in `target/toolchains`.
    pub name: &'static str,
    /// The path of dlv.
    pub dlv: PathBuf,
    bin: PathBuf,
    goroot: Option<String>,
    version: (u32, u32),
}

/// Says that a missing sid pair is no failure: sid rolls, and its packages are not always to be
/// had.
const MAY_BE_MISSING: &str = "DLVGATE_TESTS_WITHOUT_SID";

impl Pair {
    /// The pair of this name if it is installed, or the one that came from the same place since:
    /// another version, when the machine is not Debian 12 or Debian's unstable suite has moved on.
    pub fn find(name: &'static str) -> Option<Self> {
        let origin = match name {
            "dlv-1.20" => ".system",
            "dlv-1.24" => ".trixie",
            _ => ".sid",
        };
        let folders = [name, origin].map(|folder| target().join("toolchains").join(folder));
        let root = folders.into_iter().find(|folder| folder.is_dir())?;
        let env = std::fs::read_to_string(root.join("env")).ok()?;
        let setting = |key: &str| {
            let found = env.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.map(|value| value.trim_matches(['"', '\'']).to_owned())
        };
        let version = setting("DLV_VERSION").unwrap_or_else(|| panic!("{name}/env names no DLV_VERSION"));
        let bin = root.join("bin");
        let dlv = bin.join("dlv");
        Some(Self { name, dlv, bin, goroot: setting("GOROOT"), version: major_minor(&version) })
    }

    /// The pair that tests take to which the version means nothing.
    pub fn any() -> Self {
        ["dlv-1.24", "dlv-1.20", "dlv-1.27"]
            .into_iter()
            .find_map(Self::find)
            .unwrap_or_else(|| missing("dlv"))
    }

    /// Whether dlv is of this version or a later one.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.version >= (major, minor)
    }

    /// What dlv and Go need in their environment: this pair's Go, no downloads, a build cache that
    /// stays warm.
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        let mut path = self.bin.clone().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut env = vec![
            ("PATH", path),
            ("GOCACHE", target().join("go-cache").join(self.name).into_os_string()),
            ("GOTOOLCHAIN", "local".into()),
            ("GOPROXY", "off".into()),
            ("GOFLAGS", "-mod=mod".into()),
            ("GOTELEMETRY", "off".into()),
        ];
        env.extend(self.goroot.as_ref().map(|goroot| ("GOROOT", goroot.into())));
        env
    }

    /// A command with this pair's environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        process::take_signals_that_are_ignored();
        let mut command = Command::new(program);
        command.envs(self.env());
        command
    }

    /// Runs this pair's go, which must succeed.
    pub fn go(&self, folder: &Path, arguments: &[&str]) {
        let output = self.command(self.bin.join("go")).args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "go {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The project's target folder, where pairs and caches are kept whatever CARGO_TARGET_DIR says.
fn target() -> PathBuf {
    paths::repository().join("target")
}

/// Runs a scenario with the pair of this name; see `for_every_dlv!`.
pub fn with_pair(name: &'static str, scenario: fn(&Pair)) {
    match Pair::find(name) {
        Some(pair) => scenario(&pair),
        None if name == "dlv-1.27" && std::env::var_os(MAY_BE_MISSING).is_some() => {
            println!("not run: {name} is not installed, and {MAY_BE_MISSING} allows that");
        }
        None => missing(name),
    }
}

fn missing<T>(name: &str) -> T {
    panic!(
        "{name} is not installed in {}: run tests/setup/install-delve",
        target().join("toolchains").display()
    )
}

fn major_minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse().expect("a version of numbers"));
    (numbers.next().expect("a major version"), numbers.next().expect("a minor version"))
}

/// Makes each of these scenarios, functions of a `&Pair`, a test for every pair:
/// `dlv_1_27::scenario`.
#[macro_export]
macro_rules! for_every_dlv {
    ($($scenario:ident),+ $(,)?) => {
        $crate::for_every_dlv!(@ dlv_1_20, "dlv-1.20", $($scenario),+);
        $crate::for_every_dlv!(@ dlv_1_24, "dlv-1.24", $($scenario),+);
        $crate::for_every_dlv!(@ dlv_1_27, "dlv-1.27", $($scenario),+);
    };
    (@ $module:ident, $name:literal, $($scenario:ident),+) => {
        mod $module {
            $(#[test]
            fn $scenario() {
                $crate::toolchain::with_pair($name, super::$scenario);
            })+
        }
    };
}
