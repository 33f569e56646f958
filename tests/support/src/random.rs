//! Random choices that can be made again.

use std::time::{SystemTime, UNIX_EPOCH};

/// Holds the seed of a run that is to be repeated.
const SEED: &str = "DLVGATE_TESTS_SEED";

/// Another seed each time, unless one is wanted; it is printed.
pub fn seed() -> u64 {
    seed_of(SEED)
}

/// The same, where another variable may name the seed.
pub fn seed_of(variable: &str) -> u64 {
    let wanted = std::env::var(variable).ok().map(|text| text.parse().expect("a number"));
    let seed = wanted.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        u64::try_from(now.as_micros()).expect("before the year 500000")
    });
    println!("{variable}={seed}");
    seed
}

/// A sequence without a pattern that matters (Knuth's constants); the same seed gives the same
/// again.
pub struct Random(u64);

impl Random {
    /// One of several sequences of a seed.
    pub fn new(seed: u64, which: u64) -> Self {
        Self(seed.wrapping_add(which))
    }

    /// A number from 0 up to this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
