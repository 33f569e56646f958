//! Where rules are put.

use crate::machine::Machine;
use crate::texts;

/// No service has it.
const PORT: u16 = 52346;

#[test]
fn main_ruleset_evaluates_children_of_com_apple() {
    let machine = Machine::new();
    let main = machine.says(&["-s", "rules"]);
    for line in ["anchor \"com.apple/*\" all", "scrub-anchor \"com.apple/*\" all"] {
        assert!(main.lines().any(|one| one.trim().starts_with(line)), "no {line}: {main}");
    }
}

/// Whether an emptied one is listed depends on the system: since macOS 13.1 it is.
#[test]
fn loaded_anchor_is_listed_with_its_whole_path() {
    let machine = Machine::new();
    let anchor = machine.anchor();
    let line = format!("  {}", anchor.name());
    anchor.load(&texts::guarded(PORT, "127.0.0.1"));
    assert!(machine.says(&["-v", "-s", "Anchors"]).lines().any(|one| one == line));
    anchor.flush();
    assert_eq!(anchor.printed(), Vec::<String>::new());
}

#[test]
fn a_table_stays_until_tables_are_flushed() {
    let machine = Machine::new();
    let anchor = machine.anchor();
    anchor.load(&texts::guarded(PORT, "192.0.2.5, 192.0.2.6"));
    anchor.load(&texts::shut(PORT));
    let rules = machine.run(&["-a", anchor.name(), "-F", "rules"], "");
    assert_eq!((rules.code, rules.complaint.as_str()), (Some(0), "rules cleared"));
    assert_eq!(anchor.printed(), Vec::<String>::new());
    assert_eq!(machine.says(&["-a", anchor.name(), "-s", "Tables"]), "peers\n");
    let tables = machine.run(&["-a", anchor.name(), "-F", "Tables"], "");
    assert_eq!((tables.code, tables.complaint.as_str()), (Some(0), "1 tables deleted."));
    assert_eq!(machine.run(&["-a", anchor.name(), "-s", "Tables"], "").stdout, "");
}

#[test]
fn a_table_is_changed_by_address() {
    let machine = Machine::new();
    let anchor = machine.anchor();
    anchor.load(&texts::guarded(PORT, "192.0.2.5"));
    let table = |command: &str, address: &str| {
        machine.run(&["-a", anchor.name(), "-t", "peers", "-T", command, address], "").complaint
    };
    assert_eq!(table("add", "192.0.2.6"), "1/1 addresses added.");
    assert_eq!(table("delete", "192.0.2.5"), "1/1 addresses deleted.");
    let show = ["-a", anchor.name(), "-t", "peers", "-T", "show"];
    assert_eq!(machine.says(&show), "   192.0.2.6\n");
}

#[test]
fn one_anchors_load_leaves_another_as_it_was() {
    let machine = Machine::new();
    let anchors = [machine.anchor(), machine.anchor()];
    anchors[0].load(&texts::guarded(PORT, "192.0.2.5"));
    anchors[1].load(&texts::shut(PORT + 1));
    anchors[1].flush();
    assert_eq!(anchors[0].printed(), texts::printed(&texts::guarded(PORT, "192.0.2.5")));
}
