//! The Chinese pages: the same commands, sections and tables as the English ones.

use dlvgate_test_support::paths::repository;

use crate::pages::{self, Page};

/// A translation and its original.
const PAGES: [(&str, &str); 4] = [
    ("docs/zh/README.md", "README.md"),
    ("docs/zh/goland.md", "docs/goland.md"),
    ("docs/zh/firewall.md", "docs/firewall.md"),
    ("docs/zh/troubleshooting.md", "docs/troubleshooting.md"),
];

fn each(check: impl Fn(&Page, &Page)) {
    for (translated, original) in PAGES {
        check(&pages::page(&repository().join(translated)), &pages::page(&repository().join(original)));
    }
}

#[test]
fn translations_have_the_same_commands_in_order() {
    each(|theirs, ours| {
        for (one, other) in theirs.blocks.iter().zip(&ours.blocks) {
            let same = (&one.language, &one.text) == (&other.language, &other.text);
            assert!(same, "{} is not {}:\n{}\n{}", one.place(), other.place(), one.text, other.text);
        }
        assert_eq!(theirs.blocks.len(), ours.blocks.len(), "{}: blocks", theirs.path);
    });
}

#[test]
fn translations_have_the_same_sections() {
    let levels = |page: &Page| page.headings().iter().map(|(level, _)| *level).collect::<Vec<_>>();
    each(|theirs, ours| assert_eq!(levels(theirs), levels(ours), "{}", theirs.path));
}

#[test]
fn translations_have_tables_of_the_same_size() {
    let rows = |page: &Page| page.prose.lines().filter(|line| line.starts_with('|')).count();
    each(|theirs, ours| assert_eq!(rows(theirs), rows(ours), "{}: rows of tables", theirs.path));
}
