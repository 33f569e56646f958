//! The loads, each with what it measures.

mod round_trip;

use clap::ValueEnum;

use crate::options::Options;
use crate::pinning::Pinning;
use crate::targets::Target;
use crate::watchdog;

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// A request of some 100 bytes and a small reply, one after the other; also while recording
    Small,
    /// A small request and a reply of 64 KiB
    #[value(name = "reply-64k")]
    Reply64k,
    /// Replies of 1 MiB, one after the other
    #[value(name = "reply-1m")]
    Reply1m,
}

/// In what a load's figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Less is better.
    Microseconds,
    /// More is better.
    MegabytesPerSecond,
}

/// What came of a load.
pub struct Outcome {
    pub load: Load,
    pub pinning: Pinning,
    pub unit: Unit,
    pub series: Vec<Series>,
}

/// A target's figures, round by round.
pub struct Series {
    pub target: Target,
    pub figures: Vec<f64>,
}

impl Outcome {
    /// The figures of a target.
    pub fn of(&self, name: &str) -> Option<&[f64]> {
        self.series.iter().find(|one| one.target.name == name).map(|one| &one.figures[..])
    }
}

/// Runs those that are asked for.
pub fn run(options: &Options) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for load in options.loads() {
        for pinning in options.pinnings() {
            pinning.pin()?;
            eprintln!("{}, {pinning}", load.name());
            outcomes.push(load.measure(options, pinning)?);
            watchdog::progress();
        }
    }
    Ok(outcomes)
}

impl Load {
    /// As the command line calls it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn measure(self, options: &Options, pinning: Pinning) -> anyhow::Result<Outcome> {
        let (unit, series) = match self {
            Load::Small => round_trip::small(options)?,
            Load::Reply64k => round_trip::reply_64k(options)?,
            Load::Reply1m => round_trip::reply_1m(options)?,
        };
        Ok(Outcome { load: self, pinning, unit, series })
    }
}
