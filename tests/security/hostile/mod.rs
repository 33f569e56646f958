//! Hostile clients. Each input is one: what it sends or does, and what must come of it. After each,
//! and while its connection is still open, the server serves; nothing is started for what is not
//! DAP; memory stays within a bound; the log has nothing that a terminal would obey; and a session
//! that was open before is open at the end.

mod bodies;
mod headers;
mod headless;
mod input;
mod launches;
mod memory;
mod order;
mod place;
mod protocols;
mod time;

/// As many are promised in `docs/security.md`.
const AT_LEAST: usize = 60;

#[test]
fn at_least_sixty_inputs_have_unique_names() {
    let kinds = [
        headers::inputs(),
        bodies::inputs(),
        order::inputs(),
        time::inputs(),
        protocols::inputs(),
        launches::inputs(),
        headless::inputs(),
    ];
    let mut names: Vec<&str> = kinds.iter().flatten().map(|input| input.name).collect();
    let all = names.len();
    println!("{all} inputs");
    assert!(all >= AT_LEAST, "{all}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "two have the same name");
}
