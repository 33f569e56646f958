//! Clients that mean harm, each an input with a name: it is answered, closed or passed on to dlv as its entry says, the server's
//! memory stays where it was, no more is started than should be, and the next client is served, also while this one still holds on.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod arena;
mod arguments;
mod attack;
mod bodies;
mod foreign;
mod headers;
mod headless;
mod order;
mod pushy;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;
mod unix;

/// What the issue of this suite asks for at least.
const AT_LEAST: usize = 60;

#[test]
fn there_are_as_many_as_were_promised_and_each_has_a_name_of_its_own() {
    let mut names: Vec<&str> =
        [headers::all(), bodies::all(), order::all(), foreign::all(), arguments::all()]
            .iter()
            .flatten()
            .map(|attack| attack.name)
            .collect();
    names.extend(pushy::NAMES);
    names.extend(headless::all().iter().map(|(name, ..)| *name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two have the same name");
    assert!(count >= AT_LEAST, "{count}");
    println!("{count} inputs");
}
