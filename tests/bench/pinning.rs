//! On how many CPUs all of it runs: driver, forwarder and upstream.

use std::fmt;

/// The CPUs of one measurement. A process that is started inherits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinning {
    /// All on one: no hand-over between CPUs, which is what varies most from run to run.
    One,
    /// On two, where the system puts each process.
    Two,
}

impl fmt::Display for Pinning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Pinning::One => "one CPU",
            Pinning::Two => "two CPUs",
        })
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::sync::OnceLock;

    use anyhow::Context;
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    use super::Pinning;

    /// The CPUs that this process was started with, the last first: the first one serves most
    /// interrupts.
    fn allowed() -> &'static [usize] {
        static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
        ALLOWED.get_or_init(|| {
            let Ok(set) = sched_getaffinity(Pid::from_raw(0)) else { return Vec::new() };
            (0..CpuSet::count()).rev().filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect()
        })
    }

    impl Pinning {
        /// Whether this machine has that many.
        pub fn is_possible(self) -> bool {
            allowed().len() >= self.count()
        }

        fn count(self) -> usize {
            match self {
                Pinning::One => 1,
                Pinning::Two => 2,
            }
        }

        /// Puts this thread there, and what it starts from now on.
        pub fn pin(self) -> anyhow::Result<()> {
            let mut set = CpuSet::new();
            for cpu in allowed().iter().take(self.count()) {
                set.set(*cpu)?;
            }
            sched_setaffinity(Pid::from_raw(0), &set).context("cannot be pinned to a CPU")
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Pinning {
    /// Elsewhere a process cannot be pinned.
    pub fn is_possible(self) -> bool {
        self == Pinning::Two
    }

    /// Does nothing.
    pub fn pin(self) -> anyhow::Result<()> {
        Ok(())
    }
}
