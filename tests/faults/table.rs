//! The tables of the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::cell::{Cell, Fate};
use super::fault::Fault;
use super::left::Gone;
use super::step::Step;
use super::view::View;

/// The outcome of a cell.
pub struct Found {
    pub cell: Cell,
    pub view: View,
    pub gone: Gone,
}

/// The overview and a table a step.
pub fn page(found: &[Found]) -> String {
    let cells: BTreeMap<(Step, Fault), &Found> =
        found.iter().map(|one| ((one.cell.step, one.cell.fault), one)).collect();
    let mut page = format!("{} cells.\n\n", found.len());
    overview(&mut page, &cells);
    for step in Step::ALL {
        let _ = write!(page, "\n### At {}\n\n", step.name());
        page.push_str("| fault | dlv | the client saw | dlvgate | nothing left |\n|---|---|---|---|---|\n");
        for ((_, fault), one) in cells.range((step, Fault::ALL[0])..).take_while(|((of, _), _)| *of == step) {
            let dlv = if one.cell.is_real() { "real" } else { "stand-in" };
            let dlv = if step.has_dlv() { dlv } else { "–" };
            let _ = writeln!(
                page,
                "| {} | {dlv} | {} | {} | {} |",
                fault.name(),
                one.view.words(),
                fate(one.cell.fate()),
                gone(one.gone)
            );
        }
    }
    page
}

fn overview(page: &mut String, cells: &BTreeMap<(Step, Fault), &Found>) {
    let names: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
    let _ = writeln!(page, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for fault in Fault::ALL {
        let sign = |step: &Step| cells.get(&(*step, fault)).map_or("–", |one| one.view.sign());
        let signs: Vec<&str> = Step::ALL.iter().map(sign).collect();
        let _ = writeln!(page, "| {} | {} |", fault.name(), signs.join(" | "));
    }
}

fn fate(fate: Fate) -> String {
    match fate {
        Fate::ServesOn => "serves on".to_owned(),
        Fate::Exits(code) => format!("exit {code}"),
        Fate::Dies(signal) => format!("ends by {signal}"),
    }
}

fn gone(gone: Gone) -> &'static str {
    match gone {
        Gone::Now => "at once",
        Gone::WithTheServer => "at its end",
        Gone::WithTheNextStart => "at the next start",
    }
}
