//! What dlvgate is to reach, and whether the first of the builds does.

use crate::loads::{DIRECT, Load, Outcome, WARM};
use crate::pinning::Pinning;
use crate::statistics::median;

/// A figure that must not be above, or below, a limit.
struct Goal {
    what: &'static str,
    limit: Limit,
    load: Load,
    figure: fn(&Outcome, &str) -> Option<f64>,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64, &'static str),
    AtLeast(f64, &'static str),
}

const GOALS: &[Goal] = &[
    Goal {
        what: "small request, added time ÷ copy",
        limit: Limit::AtMost(1.0, ""),
        load: Load::Small,
        figure: |outcome, build| median(&outcome.ratio(build, "copy")),
    },
    Goal {
        what: "small request, added time ÷ copy-main",
        limit: Limit::AtMost(1.0, ""),
        load: Load::Small,
        figure: |outcome, build| median(&outcome.ratio(build, "copy-main")),
    },
    Goal {
        what: "small request, added time ÷ haproxy",
        limit: Limit::AtMost(1.0, ""),
        load: Load::Small,
        figure: |outcome, build| median(&outcome.ratio(build, "haproxy")),
    },
    Goal {
        what: "small request, added time ÷ socat",
        limit: Limit::AtMost(1.0, ""),
        load: Load::Small,
        figure: |outcome, build| median(&outcome.ratio(build, "socat")),
    },
    Goal {
        what: "small request, recording ÷ not",
        limit: Limit::AtMost(1.05, ""),
        load: Load::Small,
        figure: |outcome, build| median(&outcome.whole_ratio(&format!("{build}, recording"), build)),
    },
    Goal {
        what: "reply of 64 KiB, time ÷ copy",
        limit: Limit::AtMost(1.0, ""),
        load: Load::Reply64k,
        figure: |outcome, build| median(&outcome.ratio(build, "copy")),
    },
    Goal {
        what: "reply of 64 KiB, time ÷ haproxy",
        limit: Limit::AtMost(1.0, ""),
        load: Load::Reply64k,
        figure: |outcome, build| median(&outcome.ratio(build, "haproxy")),
    },
    Goal {
        what: "replies of 1 MiB, throughput ÷ haproxy",
        limit: Limit::AtLeast(1.0, ""),
        load: Load::Reply1m,
        figure: |outcome, build| median(&outcome.ratio(build, "haproxy")),
    },
    Goal {
        what: "sessions a second ÷ haproxy",
        limit: Limit::AtLeast(0.8, ""),
        load: Load::Sessions,
        figure: |outcome, build| median(&outcome.ratio(build, "haproxy")),
    },
    Goal {
        what: "memory of an idle session",
        limit: Limit::AtMost(32.0, " KiB"),
        load: Load::Idle,
        figure: |outcome, build| median(outcome.figures(build)),
    },
    Goal {
        what: "memory for a message of 1 GiB",
        limit: Limit::AtMost(1.0, " MiB"),
        load: Load::Giant,
        figure: |outcome, build| median(outcome.figures(build)),
    },
    Goal {
        what: "start-up, cold − direct",
        limit: Limit::AtMost(3.0, " ms"),
        load: Load::StartUp,
        figure: |outcome, build| median(&outcome.added(build)),
    },
    Goal {
        what: "start-up, warm ÷ direct",
        limit: Limit::AtMost(0.4, ""),
        load: Load::StartUp,
        figure: |outcome, build| median(&outcome.ratio(&format!("{build}{WARM}"), DIRECT)),
    },
    Goal {
        what: "size of the program",
        limit: Limit::AtMost(5.0, " MiB"),
        load: Load::Size,
        figure: |outcome, build| median(outcome.figures(build)),
    },
    Goal {
        what: "`--version`",
        limit: Limit::AtMost(5.0, " ms"),
        load: Load::Version,
        figure: |outcome, build| median(outcome.figures(build)),
    },
];

/// The table's rows; a goal of which nothing was measured has none.
pub fn rows(outcomes: &[Outcome], build: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for goal in GOALS {
        let mut details: Vec<_> =
            outcomes.iter().filter(|one| one.load == goal.load).map(|one| &one.detail).collect();
        details.dedup();
        for detail in details {
            let cell = |pinning| {
                let found = outcomes
                    .iter()
                    .find(|one| one.load == goal.load && one.detail == *detail && one.pinning == pinning);
                found.and_then(|outcome| (goal.figure)(outcome, build)).map(|figure| goal.limit.judge(figure))
            };
            let (one, two) = (cell(Pinning::One), cell(Pinning::Two));
            if one.is_some() || two.is_some() {
                let what =
                    if detail.is_empty() { goal.what.to_owned() } else { format!("{}, {detail}", goal.what) };
                let cells = [one, two].map(Option::unwrap_or_default);
                rows.push([vec![what, goal.limit.to_string()], cells.to_vec()].concat());
            }
        }
    }
    rows
}

impl Limit {
    fn judge(self, figure: f64) -> String {
        let (is_met, unit) = match self {
            Limit::AtMost(limit, unit) => (figure <= limit, unit),
            Limit::AtLeast(limit, unit) => (figure >= limit, unit),
        };
        format!("{} {figure:.2}{unit}", if is_met { '✓' } else { '✗' })
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::AtMost(limit, unit) => write!(formatter, "≤ {limit}{unit}"),
            Limit::AtLeast(limit, unit) => write!(formatter, "≥ {limit}{unit}"),
        }
    }
}
