//! A page of Markdown, taken apart as far as these tests need it.

use std::fs;
use std::path::{Path, PathBuf};

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A page.
pub struct Page {
    pub path: PathBuf,
    /// Fenced blocks, with their fences.
    pub blocks: Vec<String>,
    /// Levels and texts.
    pub headings: Vec<(usize, String)>,
    /// What is outside of fenced blocks.
    pub text: String,
}

impl Page {
    pub fn read(path: &Path) -> Page {
        let whole = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut page =
            Page { path: path.to_owned(), blocks: Vec::new(), headings: Vec::new(), text: String::new() };
        let mut block: Option<String> = None;
        for line in whole.lines() {
            let is_fence = line.starts_with("```");
            match &mut block {
                Some(open) => {
                    open.push_str(line);
                    open.push('\n');
                    if is_fence {
                        page.blocks.extend(block.take());
                    }
                }
                None if is_fence => block = Some(format!("{line}\n")),
                None => page.prose(line),
            }
        }
        assert!(block.is_none(), "{}: a fence has no end", path.display());
        page
    }

    fn prose(&mut self, line: &str) {
        let level = line.chars().take_while(|char| *char == '#').count();
        if (1..=6).contains(&level) && line[level..].starts_with(' ') {
            self.headings.push((level, line[level..].trim().to_owned()));
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for (_, heading) in &self.headings {
            let kept = heading.to_lowercase();
            let kept = kept.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
            let plain: String = kept.map(|char| if char == ' ' { '-' } else { char }).collect();
            let same = anchors
                .iter()
                .filter(|anchor| anchor.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-') == plain)
                .count();
            anchors.push(if same == 0 { plain } else { format!("{plain}-{same}") });
        }
        anchors
    }

    /// Where its links lead: `](…)`.
    pub fn links(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            if let Some(end) = rest.find(')') {
                found.push(rest[..end].to_owned());
            }
        }
        found
    }
}

/// Every page of the project.
pub fn all() -> Vec<Page> {
    let mut paths = Vec::new();
    for folder in
        ["", "docs", "docs/zh", "fixtures/sessions", "tests/setup", "tests/standins/pfctl", "tests/pf"]
    {
        let entries = fs::read_dir(root().join(folder)).into_iter().flatten().flatten();
        paths.extend(
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "md")),
        );
    }
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}
