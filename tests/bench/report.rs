//! The figures as Markdown tables.

use crate::loads::{Load, Outcome, Unit};
use crate::options::Options;
use crate::statistics::{Spread, spread};

/// All tables.
pub fn page(options: &Options, outcomes: &[Outcome]) -> anyhow::Result<String> {
    let tables = outcomes.iter().map(|outcome| table(options, outcome));
    Ok(tables.collect::<Vec<_>>().join("\n"))
}

fn table(options: &Options, outcome: &Outcome) -> String {
    let builds = options.builds();
    let has_added = outcome.load == Load::Small;
    let mut head = vec![format!("{}, {}", outcome.load.name(), outcome.pinning), outcome.unit.to_string()];
    if has_added {
        head.push("added".to_owned());
    }
    head.extend(builds.iter().map(|build| format!("{} ÷ it", build.name)));
    let mut rows = vec![head.clone(), vec!["---".to_owned(); head.len()]];
    let direct = outcome.of("direct").unwrap_or_default();
    for series in &outcome.series {
        let mut row = vec![series.target.name.clone(), cell(spread(&series.figures), outcome.unit.digits())];
        let is_direct = series.target.name == "direct";
        if has_added {
            let added = pairs(&series.figures, direct, |one, direct| one - direct);
            row.push(if is_direct { String::new() } else { cell(spread(&added), 1) });
        }
        for build in builds {
            let own = outcome.of(&build.name).unwrap_or_default();
            let ratio = match has_added {
                true if is_direct => Vec::new(),
                true => pairs(
                    &pairs(own, direct, |one, direct| one - direct),
                    &pairs(&series.figures, direct, |one, direct| one - direct),
                    |one, other| one / other,
                ),
                false => pairs(own, &series.figures, |one, other| one / other),
            };
            let is_itself = build.name == series.target.name;
            row.push(if is_itself { String::new() } else { cell(spread(&ratio), 3) });
        }
        rows.push(row);
    }
    rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect()
}

/// What two targets' figures of the same round come to.
fn pairs(one: &[f64], other: &[f64], of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| of(*one, *other)).collect()
}

fn cell(spread: Option<Spread>, digits: usize) -> String {
    let Some(Spread { low, median, high }) = spread else { return String::new() };
    format!("{median:.digits$} [{low:.digits$}–{high:.digits$}]")
}

impl Unit {
    fn digits(self) -> usize {
        match self {
            Unit::Microseconds => 1,
            Unit::MegabytesPerSecond => 0,
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Unit::Microseconds => "µs",
            Unit::MegabytesPerSecond => "MB/s",
        })
    }
}
