//! How much the resident set of a server grows for each session that is idle.

use super::{Series, Tables, Unit, one};
use crate::connection::Connection;
use crate::field::Field;
use crate::memory;
use crate::options::Options;
use crate::rounds::interleaved;
use crate::targets::Sessions;

const SESSIONS: u16 = 1000;
/// Each with a server of its own, which has served one session before.
const ROUNDS: usize = 2;

/// Of every target that has a process.
pub fn measure(options: &Options) -> anyhow::Result<Tables> {
    let count = options.count(SESSIONS.into());
    let mut targets: Vec<_> = options.targets().into_iter().filter(|target| target.has_process()).collect();
    if !memory::can_be_told() {
        targets.clear();
    }
    let figures = interleaved(&mut targets, options.rounds(ROUNDS), |target| {
        let field = Field::start(std::slice::from_ref(target), Sessions::Several(SESSIONS))?;
        let server = field.only_process()?;
        let before = memory::resident(server)?;
        let sessions = (0..count).map(|_| Connection::open(field.lanes[0].address));
        let sessions = sessions.collect::<anyhow::Result<Vec<_>>>()?;
        let after = memory::resident(server)?;
        sessions.into_iter().try_for_each(Connection::close)?;
        Ok((after - before) / count as f64)
    })?;
    Ok(one(Unit::Kibibytes, Series::all(targets.into_iter().map(|target| target.name), figures)))
}
