//! The table of faults in docs/doctor.md is these tests' own.

use std::fs;

use super::fault::Fault;
use super::faults;

/// Where the table is.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md");

fn row(fault: &Fault) -> String {
    let fixed = if fault.is_fixed { "yes" } else { "named only" };
    format!("| {} | `{}` | {fixed} |", fault.name, fault.names)
}

#[test]
fn the_page_has_every_fault_that_is_tried() {
    let linux =
        [faults::of_go(), faults::of_delve(), faults::of_permissions(), faults::of_the_network()].concat();
    let rows: Vec<String> = linux.iter().chain(&faults::of_a_mac()).map(row).collect();
    assert!(rows.len() >= 30, "{}", rows.len());
    let page = fs::read_to_string(PAGE).unwrap();
    let written: Vec<&str> =
        page.lines().filter(|line| line.ends_with("| yes |") || line.ends_with("| named only |")).collect();
    assert_eq!(written, rows, "the table in docs/doctor.md should be:\n{}\n", rows.join("\n"));
}
