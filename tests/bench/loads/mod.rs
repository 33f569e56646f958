//! The loads, each with what it measures.

mod binary;
mod giant;
mod idle;
mod outcome;
mod round_trip;
mod sessions;
mod start_up;

use clap::ValueEnum;

use crate::options::Options;
use crate::pinning::Pinning;
use crate::watchdog;

pub use outcome::{DIRECT, Outcome, Series, Unit};
pub use start_up::WARM;

/// One kind of work. They are done in this order. Closed connections stay in the system's tables
/// for a minute, and who reads these tables is slower for it: dlv even takes its client for another
/// user's. So real dlvs come first, and sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// With real dlvs: from nothing to `initialize` answered
    StartUp,
    /// A request and a reply of some 100 bytes, one after the other; also while recording
    Small,
    /// The same, with the reply's header and body in two writes, as dlv has it
    Apart,
    /// A request and a reply of JSON-RPC, as GoLand's
    Rpc,
    /// A small request and a reply of 64 KiB
    #[value(name = "reply-64k")]
    Reply64k,
    /// Replies of 1 MiB, one after the other
    #[value(name = "reply-1m")]
    Reply1m,
    /// 64 small requests in one write
    Pipelined,
    /// 20,000 output events
    Flood,
    /// Memory of 1,000 sessions that are idle
    Idle,
    /// Memory for one message of 1 GiB
    Giant,
    /// The program's size
    Size,
    /// How long `--version` takes
    Version,
    /// Sessions opened and closed, one after the other
    Sessions,
    /// Sessions opened and closed, eight at a time
    #[value(name = "sessions-8")]
    Sessions8,
}

/// The figures of a load: for each table what it is about, in what, and the targets'.
type Tables = Vec<(String, Unit, Vec<Series>)>;

/// Runs those that are asked for.
pub fn run(options: &Options) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for load in options.loads() {
        for pinning in load.pinnings(options) {
            eprintln!("{}, {pinning}", load.name());
            pinning.pin()?;
            let tables = load.measure(options)?;
            outcomes.extend(tables.into_iter().map(|(detail, unit, series)| Outcome {
                load,
                pinning,
                detail,
                unit,
                series,
            }));
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

    /// As a table's caption calls it.
    pub fn caption(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// Whether its ratios are of what a target adds to the direct connection.
    pub fn is_about_added(self) -> bool {
        matches!(self, Load::Small | Load::Apart | Load::Rpc)
    }

    /// Returns the pinnings to measure. A load that does not depend on the number of CPUs is
    /// measured once, unpinned.
    fn pinnings(self, options: &Options) -> Vec<Pinning> {
        match self {
            Load::Idle | Load::Giant | Load::StartUp | Load::Size | Load::Version => {
                vec![if Pinning::Two.is_possible() { Pinning::Two } else { Pinning::One }]
            }
            _ => options.pinnings(),
        }
    }

    fn measure(self, options: &Options) -> anyhow::Result<Tables> {
        match self {
            Load::Small => round_trip::small(options),
            Load::Apart => round_trip::apart(options),
            Load::Rpc => round_trip::rpc(options),
            Load::Reply64k => round_trip::reply_64k(options),
            Load::Reply1m => round_trip::reply_1m(options),
            Load::Pipelined => round_trip::pipelined(options),
            Load::Flood => round_trip::flood(options),
            Load::Sessions => sessions::one_by_one(options),
            Load::Sessions8 => sessions::eight_at_a_time(options),
            Load::Idle => idle::measure(options),
            Load::Giant => giant::measure(options),
            Load::StartUp => start_up::measure(options),
            Load::Size => binary::size(options),
            Load::Version => binary::version(options),
        }
    }
}

/// A load that has one table.
fn one(unit: Unit, series: Vec<Series>) -> Tables {
    vec![(String::new(), unit, series)]
}
