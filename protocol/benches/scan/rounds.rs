//! Cases measured in turn, round by round: what else the machine does meets all of them alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rounds, of which the median counts.
const ROUNDS: usize = 41;

/// How long one case takes in one round.
const SLICE: Duration = Duration::from_millis(4);

/// Something to be measured. What it returns has to be more than 0.
pub struct Case<'a> {
    name: &'static str,
    run: Box<dyn Fn() -> usize + 'a>,
    /// Nanoseconds a run.
    median: f64,
}

impl<'a> Case<'a> {
    pub fn new(name: &'static str, run: impl Fn() -> usize + 'a) -> Case<'a> {
        Case { name, run: Box::new(run), median: 0.0 }
    }

    fn time(&self, runs: u32) -> Duration {
        let began = Instant::now();
        for _ in 0..runs {
            assert!(black_box((self.run)()) > 0, "{}", self.name);
        }
        began.elapsed()
    }
}

/// Cases that do the same with the same bytes.
pub struct Table<'a> {
    title: String,
    bytes: usize,
    messages: usize,
    cases: Vec<Case<'a>>,
}

/// The results: nanoseconds by name.
pub struct Measured(Vec<(&'static str, f64)>);

impl<'a> Table<'a> {
    /// Of so many `bytes` and `messages` in each run.
    pub fn new(title: String, bytes: usize, messages: usize) -> Table<'a> {
        Table { title, bytes, messages, cases: Vec::new() }
    }

    pub fn add(&mut self, case: Case<'a>) {
        self.cases.push(case);
    }

    /// Measures and prints, or runs each case once.
    pub fn measure(mut self, measures: bool) -> Measured {
        let once: Vec<Duration> = self.cases.iter().map(|case| case.time(1)).collect();
        if !measures {
            return Measured(Vec::new());
        }
        let runs: Vec<u32> = once
            .iter()
            .map(|once| (SLICE.as_nanos() / once.as_nanos().max(1)).clamp(1, 1 << 20) as u32)
            .collect();
        let mut times = vec![Vec::new(); self.cases.len()];
        for _ in 0..ROUNDS {
            for ((case, runs), times) in self.cases.iter().zip(&runs).zip(&mut times) {
                times.push(case.time(*runs).as_nanos() as f64 / f64::from(*runs));
            }
        }
        for (case, times) in self.cases.iter_mut().zip(&mut times) {
            times.sort_by(f64::total_cmp);
            case.median = times[ROUNDS / 2];
        }
        self.print();
        Measured(self.cases.iter().map(|case| (case.name, case.median)).collect())
    }

    fn print(&self) {
        let reference =
            self.cases.iter().find(|case| case.name == "serde_json::Value").map_or(0.0, |case| case.median);
        println!("\n{}", self.title);
        println!("{:<30} {:>12} {:>12} {:>10} {:>10}", "", "ns", "ns/message", "GB/s", "÷ Value");
        for case in &self.cases {
            println!(
                "{:<30} {:>12.0} {:>12.1} {:>10.2} {:>10.5}",
                case.name,
                case.median,
                case.median / self.messages as f64,
                self.bytes as f64 / case.median,
                case.median / reference
            );
        }
    }
}

impl Measured {
    /// One case's time over another's.
    pub fn ratio(&self, one: &str, other: &str) -> f64 {
        let median = |name| self.0.iter().find(|case| case.0 == name).expect("a case of this table").1;
        median(one) / median(other)
    }
}
