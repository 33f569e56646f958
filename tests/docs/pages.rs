//! The pages, taken apart: fenced blocks, the commands in them, and commands in lines of text.

use std::fs;
use std::path::{Path, PathBuf};

use dlvgate_test_support::paths::repository;

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// The page's path from the repository's root.
    pub page: String,
    /// Where its first line is.
    pub line: usize,
    /// What stands behind the opening fence.
    pub language: String,
    /// The text between the fences.
    pub text: String,
}

impl Block {
    /// Its place, for a message.
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// The commands of a block of the shell: a line each, but for one that goes on after a
    /// backslash, and for a command in the background, which belongs to what comes after it.
    pub fn commands(&self) -> Vec<String> {
        let (mut commands, mut begun) = (Vec::new(), String::new());
        for line in self.text.lines().filter(|line| !is_empty(line)) {
            begun.push_str(line);
            let goes_on = line.ends_with('\\') || without_comment(line).ends_with('&');
            begun.push(if goes_on { '\n' } else { ' ' });
            if !goes_on {
                commands.push(std::mem::take(&mut begun).trim_end().to_owned());
            }
        }
        assert!(begun.is_empty(), "{}: the last command is not whole: {begun}", self.place());
        commands
    }
}

/// A line that is no command.
fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// A command line without the comment at its end.
pub fn without_comment(line: &str) -> &str {
    line.split(" #").next().unwrap_or(line).trim_end()
}

/// A page.
pub struct Page {
    pub path: String,
    /// Its fenced blocks.
    pub blocks: Vec<Block>,
    /// The rest, with an empty line for each of a block.
    pub prose: String,
}

/// Every page with links, translations and the tests' own among them.
pub fn with_links() -> Vec<Page> {
    let folders = [
        "",
        "docs",
        "docs/adr",
        "docs/dev",
        "docs/zh",
        "fixtures/sessions",
        "tests/setup",
        "tests/standins/pfctl",
        "tests/pf",
    ];
    folders.iter().flat_map(|folder| in_folder(folder)).map(|path| page(&path)).collect()
}

fn in_folder(folder: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(repository().join(folder)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    paths.sort();
    paths
}

/// README.md, docs/*.md and docs/dev/*.md. A translation, in docs/zh, has the blocks of the page
/// that it translates.
pub fn all() -> Vec<Page> {
    let readme = repository().join("README.md");
    let pages = ["docs", "docs/dev"].into_iter().flat_map(in_folder);
    std::iter::once(readme).chain(pages).map(|path| page(&path)).collect()
}

/// One page.
pub fn page(path: &Path) -> Page {
    let name = path.strip_prefix(repository()).expect("a path below the root").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut open: Option<(String, Block)> = None;
    for (line, number) in text.lines().zip(1..) {
        let indent = &line[..line.len() - line.trim_start().len()];
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(language)) => {
                let language = language.trim().to_owned();
                let block = Block { page: name.clone(), line: number + 1, language, text: String::new() };
                open = Some((indent.to_owned(), block));
            }
            (Some((_, block)), Some("")) => {
                blocks.push(block.clone());
                open = None;
            }
            (Some((indent, block)), _) => {
                block.text.push_str(line.strip_prefix(indent.as_str()).unwrap_or(line));
                block.text.push('\n');
            }
            (None, None) => prose.push_str(line),
        }
        prose.push('\n');
    }
    assert!(open.is_none(), "{name}: a fence is not closed");
    Page { path: name, blocks, prose }
}

impl Page {
    /// Levels and texts of its headings.
    pub fn headings(&self) -> Vec<(usize, &str)> {
        let level = |line: &str| line.chars().take_while(|char| *char == '#').count();
        let is_heading = |line: &&str| (1..=6).contains(&level(line)) && line[level(line)..].starts_with(' ');
        self.prose.lines().filter(is_heading).map(|line| (level(line), line[level(line)..].trim())).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        let mut anchors = Vec::new();
        for (_, heading) in self.headings() {
            let kept = heading.to_lowercase();
            let kept = kept.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
            let plain: String = kept.map(|char| if char == ' ' { '-' } else { char }).collect();
            let same = seen.iter().filter(|one| **one == plain).count();
            anchors.push(if same == 0 { plain.clone() } else { format!("{plain}-{same}") });
            seen.push(plain);
        }
        anchors
    }

    /// Where its links lead: `](…)`.
    pub fn links(&self) -> Vec<&str> {
        let after = self.prose.split("](").skip(1);
        after.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect()
    }
}

/// The `code` in a page's text, a span each with the line it begins on.
pub fn spans(prose: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = prose.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        // A span may go on in the next line of its paragraph, and not beyond; a row of a table is
        // one.
        let is_row = |line: &str| line.trim_start().starts_with('|');
        let mut end = at + 1;
        while end < lines.len() && !lines[end].trim().is_empty() && !is_row(lines[at]) && !is_row(lines[end])
        {
            end += 1;
        }
        let paragraph = lines[at..end].join("\n");
        let mut rest = paragraph.as_str();
        while let Some(begin) = rest.find('`') {
            let ticks = rest[begin..].len() - rest[begin..].trim_start_matches('`').len();
            let fence = &rest[begin..begin + ticks];
            let after = &rest[begin + ticks..];
            let Some(length) = after.find(fence) else { break };
            let before = paragraph.len() - after.len();
            let words: Vec<&str> = after[..length].split_whitespace().collect();
            found.push((
                at + 1 + paragraph[..before].matches('\n').count(),
                words.join(" ").replace("\\|", "|"),
            ));
            rest = &after[length + ticks..];
        }
        at = end;
    }
    found
}
