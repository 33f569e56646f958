//! The figures as Markdown: what they are of, the goals, a table a load.

use std::path::Path;

use anyhow::Context;

use crate::goals;
use crate::loads::{DIRECT, Outcome};
use crate::machine;
use crate::options::Options;
use crate::statistics::{Spread, spread};

/// Between these lines of a page a report is written.
const BEGIN: &str = "<!-- make bench writes from here -->\n";
const END: &str = "<!-- to here -->";

/// The whole report.
pub fn page(options: &Options, outcomes: &[Outcome]) -> anyhow::Result<String> {
    let mut parts = vec![machine::description(options)?];
    if let Some(build) = options.builds().first() {
        let rows = goals::rows(outcomes, &build.name);
        if !rows.is_empty() {
            let head = ["", "goal", "one CPU", "two CPUs"].map(str::to_owned).to_vec();
            parts.push(markdown(&head, &rows));
        }
    }
    for group in outcomes.chunk_by(|one, next| one.load == next.load && one.detail == next.detail) {
        parts.push(table(options, group));
    }
    Ok(parts.join("\n"))
}

/// Puts a report into a page, in place of the one that is there.
pub fn write(page: &Path, report: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| format!("{} cannot be read", page.display()))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.with_context(|| format!("{} has no lines {BEGIN:?} and {END:?}", page.display()))?;
    std::fs::write(page, format!("{before}{BEGIN}\n{report}\n{END}{after}"))
        .with_context(|| format!("{} cannot be written", page.display()))
}

/// The same load on one CPU and on two, beside each other.
fn table(options: &Options, group: &[Outcome]) -> String {
    let [first, ..] = group else { return String::new() };
    let detail = if first.detail.is_empty() { String::new() } else { format!(", {}", first.detail) };
    let caption = format!("**{}**: {}{detail}\n\n", first.load.name(), first.load.caption());
    let mut head = vec![String::new()];
    let mut rows: Vec<_> = first.series.iter().map(|series| vec![series.name.clone()]).collect();
    for outcome in group {
        for (title, cells) in columns(options, outcome, group.len() > 1) {
            head.push(title);
            rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
        }
    }
    caption + &markdown(&head, &rows)
}

/// Of one outcome: the figures, the difference to the direct connection, and each build's ratio to
/// each target.
fn columns(options: &Options, outcome: &Outcome, says_pinning: bool) -> Vec<(String, Vec<String>)> {
    let names = || outcome.series.iter().map(|series| &series.name[..]);
    let place = if says_pinning { format!("{}, ", outcome.pinning) } else { String::new() };
    let digits = outcome.unit.digits();
    let figures = outcome.series.iter().map(|series| cell(&series.figures, digits)).collect();
    let mut columns = vec![(format!("{place}{}", outcome.unit), figures)];
    let is_added = outcome.load.is_about_added();
    if is_added {
        columns.push(("added".to_owned(), names().map(|name| cell(&outcome.added(name), digits)).collect()));
    }
    for build in options.builds() {
        let cells = names().map(|name| match name == build.name || (is_added && name == DIRECT) {
            true => String::new(),
            false => cell(&outcome.ratio(&build.name, name), 2),
        });
        let cells: Vec<_> = cells.collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            columns.push((format!("{} ÷ it", build.name), cells));
        }
    }
    columns
}

fn markdown(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// The median, and where the middle half of the rounds is.
fn cell(figures: &[f64], digits: usize) -> String {
    match spread(figures) {
        // Divided by nothing.
        Some(Spread { median, .. }) if !median.is_finite() => String::new(),
        None => String::new(),
        Some(Spread { median, .. }) if figures.len() == 1 => format!("{median:.digits$}"),
        Some(Spread { low, median, high }) => format!("{median:.digits$} ({low:.digits$}–{high:.digits$})"),
    }
}
