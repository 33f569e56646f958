//! The planted faults, from faults/*.txt: `# NAME`, `first ID: WORDS` (the finding that has to come
//! first, and words of it), perhaps `user me`, `asked ARGUMENTS` (doctor's), `named only` (the
//! remedy is a person's, or outside of the machine), and indented what plants it, in the shell that
//! doctor is then run in.

use super::container::User;
use super::fault::{Fault, try_all};

fn parse(text: &str) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            faults.push(Fault::named(name));
            continue;
        }
        let Some(fault) = faults.last_mut() else { panic!("a line before the first fault: {line}") };
        match line.split_once(' ') {
            _ if line.is_empty() => {}
            _ if line == "user me" => fault.user = User::Me,
            _ if line == "named only" => fault.is_fixed = false,
            _ if line.starts_with("    ") => fault.plant += &format!("{}\n", &line[4..]),
            Some(("asked", arguments)) => arguments.clone_into(&mut fault.arguments),
            Some(("first", finding)) => {
                let (names, says) = finding.split_once(": ").expect("an id and words");
                (fault.names, fault.says) = (names.to_owned(), says.to_owned());
            }
            _ => panic!("{}: `{line}` is not understood", fault.name),
        }
    }
    faults
}

pub fn of_go() -> Vec<Fault> {
    parse(include_str!("faults/go.txt"))
}

pub fn of_delve() -> Vec<Fault> {
    parse(include_str!("faults/delve.txt"))
}

pub fn of_permissions() -> Vec<Fault> {
    parse(include_str!("faults/permissions.txt"))
}

pub fn of_the_network() -> Vec<Fault> {
    parse(include_str!("faults/network.txt"))
}

pub fn of_a_mac() -> Vec<Fault> {
    parse(include_str!("faults/macos.txt"))
}

#[test]
fn go_faults_are_named_and_fixed() {
    try_all(&of_go(), |_| ());
}

#[test]
fn delve_faults_are_named_and_fixed() {
    try_all(&of_delve(), |_| ());
}

#[test]
fn permission_faults_are_named_and_fixed() {
    try_all(&of_permissions(), |_| ());
}

#[test]
fn network_faults_are_named_and_fixed() {
    try_all(&of_the_network(), |_| ());
}
