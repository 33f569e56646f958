//! The outcome of a load: each target's figures, and how two targets compare.

use std::fmt;

use super::Load;
use crate::pinning::Pinning;

/// Of whom all ratios of added time are counted from.
pub const DIRECT: &str = "direct";

/// In what figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Microseconds,
    Milliseconds,
    MegabytesPerSecond,
    SessionsPerSecond,
    Kibibytes,
    Mebibytes,
}

impl Unit {
    /// How many digits of a fraction mean something.
    pub fn digits(self) -> usize {
        match self {
            Unit::Microseconds | Unit::Kibibytes => 1,
            Unit::Milliseconds | Unit::Mebibytes => 2,
            Unit::MegabytesPerSecond | Unit::SessionsPerSecond => 0,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Unit::Microseconds => "µs",
            Unit::Milliseconds => "ms",
            Unit::MegabytesPerSecond => "MB/s",
            Unit::SessionsPerSecond => "sessions/s",
            Unit::Kibibytes => "KiB",
            Unit::Mebibytes => "MiB",
        })
    }
}

/// One table's worth of figures.
pub struct Outcome {
    pub load: Load,
    pub pinning: Pinning,
    /// What of the load, where there is more than one such table.
    pub detail: String,
    pub unit: Unit,
    pub series: Vec<Series>,
}

/// A target's figures, round by round.
pub struct Series {
    pub name: String,
    pub figures: Vec<f64>,
}

impl Series {
    /// All targets' figures.
    pub fn all(names: impl IntoIterator<Item = String>, figures: Vec<Vec<f64>>) -> Vec<Series> {
        names.into_iter().zip(figures).map(|(name, figures)| Series { name, figures }).collect()
    }
}

impl Outcome {
    /// The figures of a target; none where it was not measured.
    pub fn figures(&self, name: &str) -> &[f64] {
        self.series.iter().find(|one| one.name == name).map_or(&[], |one| &one.figures)
    }

    /// What a target adds to the direct connection, in each round.
    pub fn added(&self, name: &str) -> Vec<f64> {
        if name == DIRECT {
            return Vec::new();
        }
        pairs(self.figures(name), self.figures(DIRECT), |one, direct| one - direct)
    }

    /// One target's figure divided by another's, in each round: of what they add where the load is
    /// about that.
    pub fn ratio(&self, one: &str, other: &str) -> Vec<f64> {
        match self.load.is_about_added() {
            true => pairs(&self.added(one), &self.added(other), |one, other| one / other),
            false => self.whole_ratio(one, other),
        }
    }

    /// The same of the whole figures.
    pub fn whole_ratio(&self, one: &str, other: &str) -> Vec<f64> {
        pairs(self.figures(one), self.figures(other), |one, other| one / other)
    }
}

/// What two targets' figures of the same round come to.
fn pairs(one: &[f64], other: &[f64], of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| of(*one, *other)).collect()
}
