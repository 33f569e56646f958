//! What the servers hold between rounds, over time.

use std::fmt;
use std::time::Duration;

/// One look at a process when nothing is open.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: Duration,
    /// Anonymous memory, in bytes.
    pub memory: u64,
    pub files: usize,
    pub threads: usize,
}

/// All looks at one process.
pub struct Samples {
    pub name: String,
    all: Vec<Sample>,
}

const KIB: f64 = 1024.0;

/// What an allocator may still take after the first minutes, without being a leak.
const GROWTH: f64 = 3.0 * 1024.0 * KIB;

/// What a line through all looks may rise by in an hour.
const SLOPE: f64 = 2.0 * 1024.0 * KIB;

/// Runs that are shorter say nothing of a slope.
const LONG_ENOUGH: Duration = Duration::from_secs(600);

/// What a short run may cost.
const SHORT_GROWTH: f64 = 8.0 * 1024.0 * KIB;

impl Samples {
    pub fn new(name: String) -> Self {
        Self { name, all: Vec::new() }
    }

    pub fn add(&mut self, sample: Sample) {
        self.all.push(sample);
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The looks after everything was used once: after a tenth of the time.
    fn warm(&self) -> &[Sample] {
        let end = self.all.last().map_or(Duration::ZERO, |last| last.at);
        let from = self.all.partition_point(|one| one.at < end / 10);
        &self.all[from.min(self.all.len() - 1)..]
    }

    /// Bytes an hour, by least squares.
    fn slope(&self) -> f64 {
        let warm = self.warm();
        let count = warm.len() as f64;
        let hours = |one: &Sample| one.at.as_secs_f64() / 3600.0;
        let mean_at = warm.iter().map(hours).sum::<f64>() / count;
        let mean = warm.iter().map(|one| one.memory as f64).sum::<f64>() / count;
        let along = warm.iter().map(|one| (hours(one) - mean_at) * (one.memory as f64 - mean)).sum::<f64>();
        let spread = warm.iter().map(|one| (hours(one) - mean_at).powi(2)).sum::<f64>();
        if spread > 0.0 { along / spread } else { 0.0 }
    }

    fn growth(&self) -> f64 {
        let warm = self.warm();
        warm.last().map_or(0.0, |last| last.memory as f64) - warm.first().map_or(0.0, |one| one.memory as f64)
    }

    /// Memory must stay where it was.
    pub fn check(&self) {
        let length = self.all.last().map_or(Duration::ZERO, |last| last.at);
        let (growth, slope) = (self.growth(), self.slope());
        if length < LONG_ENOUGH {
            assert!(growth <= SHORT_GROWTH, "{self}");
        } else {
            assert!(growth <= GROWTH && slope <= SLOPE, "{self}");
        }
    }
}

impl fmt::Display for Samples {
    /// A row of the documentation's table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = |one: Option<&Sample>| one.map_or(0.0, |one| one.memory as f64 / KIB);
        let most = self.all.iter().max_by_key(|one| one.memory);
        let threads = self.all.iter().map(|one| one.threads).max().unwrap_or_default();
        write!(
            f,
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:+.0} | {} | {threads} |",
            self.name,
            self.all.len(),
            memory(self.all.first()),
            memory(self.warm().first()),
            memory(most),
            memory(self.all.last()),
            self.slope() / KIB,
            self.all.last().map_or(0, |one| one.files),
        )
    }
}

/// The head of the table of [`Samples`].
pub const HEAD: &str = "| process | looks | first, KiB | after a tenth | most | last | slope, KiB an hour | files | most threads |
|---|---:|---:|---:|---:|---:|---:|---:|---:|";
