//! The program itself: its size, and how fast it is there.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Series, Tables, Unit, one};
use crate::options::Options;
use crate::rounds::interleaved;
use crate::targets::{Kind, Target};

const ROUNDS: usize = 50;

/// Of each build.
pub fn size(options: &Options) -> anyhow::Result<Tables> {
    let sizes = options.builds().iter().map(|build| Ok(vec![bytes(build)? as f64 / f64::from(1 << 20)]));
    let sizes = sizes.collect::<anyhow::Result<_>>()?;
    Ok(one(Unit::Mebibytes, Series::all(names(options), sizes)))
}

fn bytes(build: &Target) -> anyhow::Result<u64> {
    let Kind::Dlvgate { program, .. } = &build.kind else { return Ok(0) };
    Ok(program.metadata()?.len())
}

/// From the start of `--version` to its end.
pub fn version(options: &Options) -> anyhow::Result<Tables> {
    let mut builds = options.builds().to_vec();
    let figures = interleaved(&mut builds, options.rounds(ROUNDS), |build| {
        let Kind::Dlvgate { program, .. } = &build.kind else { anyhow::bail!("not a build of dlvgate") };
        let begin = Instant::now();
        let status = Command::new(program).arg("--version").stdout(Stdio::null()).status()?;
        let took = begin.elapsed();
        anyhow::ensure!(status.success(), "{} --version fails", program.display());
        Ok(took.as_secs_f64() * 1e3)
    })?;
    Ok(one(Unit::Milliseconds, Series::all(names(options), figures)))
}

fn names(options: &Options) -> impl Iterator<Item = String> + '_ {
    options.builds().iter().map(|build| build.name.clone())
}
