use super::page::{Page, root};

/// The Chinese pages, and what they are translations of.
const PAGES: [(&str, &str); 4] = [
    ("docs/zh/README.md", "README.md"),
    ("docs/zh/goland.md", "docs/goland.md"),
    ("docs/zh/firewall.md", "docs/firewall.md"),
    ("docs/zh/troubleshooting.md", "docs/troubleshooting.md"),
];

#[test]
fn translations_have_the_same_commands_in_the_same_order() {
    for (translated, original) in PAGES {
        let (theirs, ours) = (Page::read(&root().join(translated)), Page::read(&root().join(original)));
        for (place, (one, other)) in theirs.blocks.iter().zip(&ours.blocks).enumerate() {
            assert_eq!(one, other, "{translated}: block {} is not that of {original}", place + 1);
        }
        assert_eq!(theirs.blocks.len(), ours.blocks.len(), "{translated} and {original}: blocks");
    }
}

#[test]
fn translations_have_the_same_sections() {
    for (translated, original) in PAGES {
        let levels = |path| -> Vec<usize> {
            Page::read(&root().join(path)).headings.into_iter().map(|(level, _)| level).collect()
        };
        assert_eq!(levels(translated), levels(original), "{translated} and {original}");
    }
}

#[test]
fn translations_have_tables_of_the_same_size() {
    for (translated, original) in PAGES {
        let rows = |path| {
            let page = Page::read(&root().join(path));
            page.text.lines().filter(|line| line.starts_with('|')).count()
        };
        assert_eq!(rows(translated), rows(original), "{translated} and {original}: rows of tables");
    }
}
