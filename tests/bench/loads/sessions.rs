//! Sessions a second: connect, `initialize`, its answer, end of file both ways.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Series, Tables, Unit, one};
use crate::connection::Connection;
use crate::field::{Field, Lane};
use crate::options::Options;
use crate::rounds::interleaved;
use crate::targets::Sessions;

const ROUNDS: usize = 20;
/// How many of a target in its turn.
const COUNT: usize = 48;
const AT_A_TIME: usize = 8;
/// A session's place is free only some time after its client has seen the end of file.
const PLACES: u16 = 32;

/// One after the other.
pub fn one_by_one(options: &Options) -> anyhow::Result<Tables> {
    let count = options.count(COUNT);
    series(options, Sessions::One, count, |address| open_and_close(address, count))
}

/// By eight clients at the same time.
pub fn eight_at_a_time(options: &Options) -> anyhow::Result<Tables> {
    let each = options.count(COUNT).div_ceil(AT_A_TIME);
    series(options, Sessions::Several(PLACES), each * AT_A_TIME, |address| {
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..AT_A_TIME).map(|_| scope.spawn(|| open_and_close(address, each))).collect();
            let died = |_| anyhow::anyhow!("a client's thread died");
            clients.into_iter().try_for_each(|client| client.join().map_err(died)?)
        })
    })
}

fn open_and_close(address: SocketAddr, count: usize) -> anyhow::Result<()> {
    (0..count).try_for_each(|_| Connection::open(address)?.close())
}

fn series(
    options: &Options,
    sessions: Sessions,
    count: usize,
    turn: impl Fn(SocketAddr) -> anyhow::Result<()>,
) -> anyhow::Result<Tables> {
    let mut field = Field::start(&options.targets(), sessions)?;
    let figures = interleaved(&mut field.lanes, options.rounds(ROUNDS), |Lane { address, .. }| {
        let begin = Instant::now();
        turn(*address)?;
        Ok(count as f64 / begin.elapsed().as_secs_f64())
    })?;
    let names = field.lanes.iter().map(|lane| lane.target.name.clone());
    Ok(one(Unit::SessionsPerSecond, Series::all(names, figures)))
}
