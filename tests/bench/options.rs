//! The command line.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

use crate::loads::Load;
use crate::pinning::Pinning;
use crate::roles::Role;
use crate::targets::Target;

/// What a build is called in `--dlvgate NAME=PATH` where there is none.
const NAME: &str = "dlvgate";

/// dlvgate beside a direct connection and other forwarders, in one run
///
/// Every figure is a median over rounds. In each round every target has its turn, and only figures
/// of one round are compared: other work on the machine moves the figures, and the ratios hardly.
/// All of it (this driver, the forwarder, the upstream) runs on one CPU, and a second time on two.
///
/// Targets: `direct` (always), each `--dlvgate`, `copy` (tokio's copy_bidirectional with its 8 KiB,
/// on one thread that knows nothing but sockets), `copy-main` (the same as `#[tokio::main]` runs
/// it), `copy-64k` (as `copy`, with 64 KiB), `haproxy` and `socat` where they are installed.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    override_usage = "make bench BENCH='[OPTIONS]'",
    after_help = "Examples:
  make bench                                              everything
  make bench BENCH='--load small --cpus one --rounds 50'  one load, on one CPU; only prints
  cargo bench --bench compare -- --dlvgate new=target/release/dlvgate --dlvgate old=/tmp/dlvgate --load small"
)]
pub struct Options {
    /// A build of dlvgate to be measured; several with names are compared with each other, too
    #[arg(long = "dlvgate", value_name = "[NAME=]PATH", default_value = env!("CARGO_BIN_EXE_dlvgate"), value_parser = named)]
    builds: Vec<Target>,
    /// Only these loads [default: all]
    #[arg(long = "load", value_name = "LOAD", value_enum, value_delimiter = ',')]
    loads: Vec<Load>,
    /// Only these targets besides `direct` and dlvgate: copy, copy-main, copy-64k, haproxy, socat,
    /// none [default: all]
    #[arg(long = "target", value_name = "TARGET", value_delimiter = ',', value_parser = ["copy", "copy-main", "copy-64k", "haproxy", "socat", "none"])]
    targets: Vec<String>,
    /// On how many CPUs
    #[arg(long, value_enum, default_value_t = Cpus::Both)]
    cpus: Cpus,
    /// Rounds of each load, instead of its own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Write the report between the marks of this page, too
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// cargo says so where it was asked to bench, and not to test
    #[arg(long = "bench", hide = true)]
    is_bench: bool,
    #[arg(skip)]
    is_smoke: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cpus {
    One,
    Two,
    Both,
}

/// What the arguments ask for.
pub enum Begun {
    Role(Role),
    Measure(Options),
    /// As one of cargo's test targets, with a name that is not this one's.
    Skip,
}

/// Reads the arguments. `cargo test` has no `--bench`: then everything is tried once, and little is
/// measured.
pub fn begin() -> anyhow::Result<Begun> {
    let arguments = || std::env::args().skip(1);
    if let Some(role) = Role::of(arguments()) {
        return Ok(Begun::Role(role?));
    }
    if arguments().any(|one| one == "--bench" || one == "--help" || one == "-h") {
        return Ok(Begun::Measure(Options::parse()));
    }
    let filters: Vec<_> = arguments().filter(|one| !one.starts_with('-')).collect();
    let is_asked = filters.is_empty() || filters.iter().any(|filter| "compare".contains(filter.as_str()));
    if arguments().any(|one| one == "--list") || !is_asked {
        return Ok(Begun::Skip);
    }
    Ok(Begun::Measure(Options { is_smoke: true, ..Options::parse_from(["bench"]) }))
}

fn named(text: &str) -> Result<Target, String> {
    let (name, path) = text.split_once('=').unwrap_or((NAME, text));
    let path = PathBuf::from(path);
    let program = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Target::dlvgate(name, &program))
}

impl Options {
    /// The builds of dlvgate.
    pub fn builds(&self) -> &[Target] {
        &self.builds
    }

    /// All targets, `direct` first, then dlvgate.
    pub fn targets(&self) -> Vec<Target> {
        let is_wanted = |target: &Target| match self.targets.is_empty() {
            true => !self.is_smoke || target.name.starts_with("copy"),
            false => self.targets.contains(&target.name),
        };
        let others = Target::others().into_iter().filter(|one| is_wanted(one) && one.is_installed());
        std::iter::once(Target::direct()).chain(self.builds.iter().cloned()).chain(others).collect()
    }

    /// The real dlvs that `tests/setup/install-delve` has installed: the oldest and the newest, or
    /// one of them for a try.
    pub fn dlvs(&self) -> Vec<(String, PathBuf)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/toolchains");
        let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("dlv-")).collect();
        names.sort();
        let pairs = names.into_iter().map(|name| {
            let dlv =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("target/toolchains").join(&name).join("bin/dlv");
            (name.replace('-', " "), dlv)
        });
        let mut pairs: Vec<_> = pairs.filter(|(_, dlv)| dlv.exists()).collect();
        if pairs.len() > 2 {
            pairs.drain(1..pairs.len() - 1);
        }
        pairs.truncate(if self.is_smoke { 1 } else { 2 });
        pairs
    }

    /// Whether it is only tried whether all loads work.
    pub fn is_smoke(&self) -> bool {
        self.is_smoke
    }

    /// What repeats this run, but for the paths of builds.
    pub fn command(&self) -> String {
        let mut words = vec!["make bench".to_owned()];
        let flags: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
        if self.write.is_none() {
            words.push(format!("BENCH='{}'", flags.join(" ")));
        }
        words.join(" ")
    }

    /// Says which other forwarders are left out.
    pub fn say_what_is_missing(&self) {
        let is_wanted = |target: &Target| self.targets.is_empty() || self.targets.contains(&target.name);
        for target in Target::others() {
            if !self.is_smoke && is_wanted(&target) && !target.is_installed() {
                eprintln!(
                    "{} is not installed, and left out (tests/setup/install-bench installs it)",
                    target.name
                );
            }
        }
    }

    /// The loads.
    pub fn loads(&self) -> Vec<Load> {
        match self.loads.is_empty() {
            true => Load::value_variants().to_vec(),
            false => self.loads.clone(),
        }
    }

    /// On how many CPUs, as far as this machine has them.
    pub fn pinnings(&self) -> Vec<Pinning> {
        let wanted: &[Pinning] = match self.cpus {
            Cpus::One => &[Pinning::One],
            Cpus::Two => &[Pinning::Two],
            Cpus::Both if self.is_smoke => &[Pinning::Two],
            Cpus::Both => &[Pinning::One, Pinning::Two],
        };
        wanted.iter().copied().filter(|one| one.is_possible()).collect()
    }

    /// How many rounds, where a load's own number is `usual`.
    pub fn rounds(&self, usual: usize) -> usize {
        if self.is_smoke { 1 } else { self.rounds.map_or(usual, |rounds| rounds as usize) }
    }

    /// How many of something in a round, where it is `usual` otherwise.
    pub fn count(&self, usual: usize) -> usize {
        if self.is_smoke { (usual / 50).max(1) } else { usual }
    }
}
