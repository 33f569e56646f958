//! One request after the other on one connection a target: round trips, and throughput.

use serde_json::{Value, json};

use super::{Series, Unit};
use crate::connection::{Connection, Exchange};
use crate::field::Field;
use crate::options::Options;
use crate::rounds::interleaved;
use crate::statistics::median;
use crate::targets::{Sessions, Target};

/// How many requests a target answers in its turn.
struct Block {
    /// Not measured: caches and the scheduler get to know the target again.
    warm_up: usize,
    measured: usize,
    rounds: usize,
}

/// A round trip of some 100 bytes each way.
pub fn small(options: &Options) -> anyhow::Result<(Unit, Vec<Series>)> {
    let recording = options.builds().iter().filter_map(Target::recording);
    let targets: Vec<_> = options.targets().into_iter().chain(recording).collect();
    let block = Block { warm_up: 20, measured: 200, rounds: 100 };
    let arguments = json!({"expression": "total", "frameId": 1000, "context": "watch"});
    Ok((Unit::Microseconds, series(options, &targets, &block, "evaluate", &arguments, microseconds)?))
}

/// A round trip with a reply of 64 KiB.
pub fn reply_64k(options: &Options) -> anyhow::Result<(Unit, Vec<Series>)> {
    let block = Block { warm_up: 5, measured: 50, rounds: 60 };
    let arguments = json!({"variablesReference": 64 * 1024});
    let targets = options.targets();
    Ok((Unit::Microseconds, series(options, &targets, &block, "variables", &arguments, microseconds)?))
}

/// Replies of 1 MiB.
pub fn reply_1m(options: &Options) -> anyhow::Result<(Unit, Vec<Series>)> {
    let block = Block { warm_up: 2, measured: 12, rounds: 40 };
    let arguments = json!({"variablesReference": 1024 * 1024});
    let targets = options.targets();
    Ok((
        Unit::MegabytesPerSecond,
        series(options, &targets, &block, "variables", &arguments, megabytes_per_second)?,
    ))
}

/// The block's middle round trip.
fn microseconds(_: &Exchange, seconds: &[f64]) -> Option<f64> {
    median(seconds).map(|median| median * 1e6)
}

/// All of the block's bytes in all of its time.
fn megabytes_per_second(exchange: &Exchange, seconds: &[f64]) -> Option<f64> {
    let bytes = (exchange.answer_bytes() * seconds.len()) as f64;
    Some(bytes / 1e6 / seconds.iter().sum::<f64>())
}

fn series(
    options: &Options,
    targets: &[Target],
    block: &Block,
    command: &str,
    arguments: &Value,
    figure: fn(&Exchange, &[f64]) -> Option<f64>,
) -> anyhow::Result<Vec<Series>> {
    let field = Field::start(targets, Sessions::One)?;
    let sessions = field.lanes.iter().map(|lane| {
        let mut connection = Connection::open(lane.address)?;
        let exchange = connection.learn(command, arguments)?;
        Ok((connection, exchange))
    });
    let mut sessions = sessions.collect::<anyhow::Result<Vec<_>>>()?;
    let (warm_up, measured) = (options.count(block.warm_up), options.count(block.measured));
    let figures = interleaved(&mut sessions, options.rounds(block.rounds), |(connection, exchange)| {
        for _ in 0..warm_up {
            connection.ask(exchange)?;
        }
        let mut seconds = Vec::with_capacity(measured);
        for _ in 0..measured {
            seconds.push(connection.ask(exchange)?.as_secs_f64());
        }
        connection.check(exchange)?;
        Ok(figure(exchange, &seconds).unwrap_or(f64::NAN))
    })?;
    for (connection, _) in sessions {
        connection.close()?;
    }
    let named = targets.iter().cloned().zip(figures);
    Ok(named.map(|(target, figures)| Series { target, figures }).collect())
}
