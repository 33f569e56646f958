//! The modules of some crates: what they declare, import and name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tokens::{Token, group_end, tokens};

/// Where a crate begins: `dlvgate_protocol` and `protocol/src/lib.rs`.
pub struct Root {
    /// The crate's name in a path.
    pub name: &'static str,
    /// Its root file, relative to the repository.
    pub file: &'static str,
}

/// One module.
#[derive(Debug, Default)]
pub struct Module {
    /// `src/firewall/pf/mod.rs`; an inline module has its parent's.
    pub file: String,
    /// The crate's name, then the names of the modules down to this one.
    pub name: Vec<String>,
    /// The index of its parent.
    pub parent: Option<usize>,
    /// The indices of its submodules.
    pub children: BTreeMap<String, usize>,
    /// What it declares, other than modules.
    pub items: BTreeSet<String>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// The modules of which it imports everything.
    pub globs: Vec<Vec<String>>,
    /// The paths of two words or more in its code.
    pub paths: Vec<Vec<String>>,
    /// The other words in its code.
    pub words: BTreeSet<String>,
}

/// One name of a `use`.
#[derive(Debug)]
pub struct Import {
    /// The name that it has here.
    pub name: String,
    /// Where it comes from.
    pub path: Vec<String>,
    /// `pub use`, with or without a scope.
    pub is_reexport: bool,
}

/// All modules of some crates.
#[derive(Debug, Default)]
pub struct Tree {
    /// Parents come before their children.
    pub modules: Vec<Module>,
    /// Each crate's root.
    pub roots: BTreeMap<String, usize>,
}

/// Returns the text of a file, if there is one.
type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Tree {
    /// Reads the modules of the crates that are there.
    pub fn read(roots: &[Root], read: Read<'_>) -> Tree {
        let mut tree = Tree::default();
        for root in roots {
            if let Some(text) = read(root.file) {
                let at = tree.add(None, root.name, root.file.to_owned());
                tree.roots.insert(root.name.to_owned(), at);
                let folder = Path::new(root.file).parent().unwrap_or(Path::new(""));
                tree.fill(at, &tokens(&text), &folder.display().to_string(), read);
            }
        }
        tree
    }

    fn add(&mut self, parent: Option<usize>, name: &str, file: String) -> usize {
        let at = self.modules.len();
        let mut path = parent.map_or_else(Vec::new, |parent| self.modules[parent].name.clone());
        path.push(name.to_owned());
        self.modules.push(Module { file, name: path, parent, ..Module::default() });
        if let Some(parent) = parent {
            self.modules[parent].children.insert(name.to_owned(), at);
        }
        at
    }

    /// Reads a module's code; `folder` is where its submodules' files are.
    fn fill(&mut self, own: usize, code: &[Token], folder: &str, read: Read<'_>) {
        let (mut at, mut depth, mut after_pub) = (0, 0_usize, false);
        while let Some(token) = code.get(at) {
            at += 1;
            let is_public = std::mem::take(&mut after_pub);
            let word = match token {
                Token::Word(word) => word.as_str(),
                Token::Mark('{') => {
                    depth += 1;
                    continue;
                }
                Token::Mark('}') => {
                    depth = depth.saturating_sub(1);
                    continue;
                }
                _ => continue,
            };
            at = match (word, code.get(at)) {
                ("pub", _) => {
                    after_pub = true;
                    after_scope(code, at)
                }
                ("use", Some(next)) if *next != Token::Mark('<') => {
                    self.import(own, code, at, (&[], is_public))
                }
                ("mod", Some(Token::Word(name))) => self.module(own, code, at, (name, folder), read),
                (
                    "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static",
                    Some(Token::Word(name)),
                ) if depth == 0 && !["fn", "unsafe", "mut"].contains(&name.as_str()) => {
                    self.modules[own].items.insert(name.clone());
                    at + 1
                }
                ("macro_rules", Some(Token::Mark('!'))) => {
                    if let Some(Token::Word(name)) = code.get(at + 1) {
                        self.modules[own].items.insert(name.clone());
                    }
                    at + 2
                }
                (head, _) => self.path(own, code, at, head),
            };
        }
    }

    /// Reads the submodule whose name is at `at`, and returns the index behind it.
    fn module(
        &mut self,
        own: usize,
        code: &[Token],
        at: usize,
        (name, folder): (&str, &str),
        read: Read<'_>,
    ) -> usize {
        let below = format!("{folder}/{name}");
        if code.get(at + 1) == Some(&Token::Mark('{')) {
            let end = group_end(code, at + 1);
            let child = self.add(Some(own), name, self.modules[own].file.clone());
            self.fill(child, &code[at + 2..end - 1], &below, read);
            return end;
        }
        let files = [format!("{below}.rs"), format!("{below}/mod.rs")];
        let found = files.into_iter().find_map(|file| read(&file).map(|text| (file, text)));
        let Some((file, text)) = found else {
            panic!("{}: `mod {name}` has no file", self.modules[own].file)
        };
        let child = self.add(Some(own), name, file);
        self.fill(child, &tokens(&text), &below, read);
        at + 2
    }

    /// Reads the part of a `use` that begins at `at`, after `prefix`, and returns the index behind
    /// it.
    fn import(
        &mut self,
        own: usize,
        code: &[Token],
        mut at: usize,
        (prefix, is_reexport): (&[String], bool),
    ) -> usize {
        let mut path = prefix.to_vec();
        let mut alias = None;
        loop {
            match (code.get(at), code.get(at + 1)) {
                (Some(Token::Word(word)), Some(Token::Word(name))) if word == "as" => {
                    alias = Some(name.clone());
                    at += 2;
                }
                (Some(Token::Word(word)), _) => {
                    path.push(word.clone());
                    at += 1;
                }
                (Some(Token::Path), _) => at += 1,
                (Some(Token::Mark('*')), _) => {
                    self.modules[own].globs.push(path);
                    return at + 1;
                }
                (Some(Token::Mark('{')), _) => {
                    let end = group_end(code, at);
                    at += 1;
                    while at < end - 1 {
                        at = self.import(own, code, at, (&path, is_reexport));
                        at += usize::from(code.get(at) == Some(&Token::Mark(',')));
                    }
                    return end;
                }
                _ => break,
            }
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(last) = path.last() {
            let name = alias.unwrap_or_else(|| last.clone());
            self.modules[own].imports.push(Import { name, path, is_reexport });
        }
        at
    }

    /// Reads the path that begins with `head`, and returns the index behind it.
    fn path(&mut self, own: usize, code: &[Token], mut at: usize, head: &str) -> usize {
        let mut path = vec![head.to_owned()];
        while let [Token::Path, Token::Word(word), ..] = &code[at..] {
            path.push(word.clone());
            at += 2;
        }
        if path.len() > 1 {
            self.modules[own].paths.push(path);
        } else {
            self.modules[own].words.extend(path);
        }
        at
    }
}

/// The index behind `(crate)`, `(in crate::firewall)` and their like: they name no use.
fn after_scope(code: &[Token], at: usize) -> usize {
    match (code.get(at), code.get(at + 1)) {
        (Some(Token::Mark('(')), Some(Token::Word(scope)))
            if ["crate", "super", "self", "in"].contains(&scope.as_str()) =>
        {
            group_end(code, at)
        }
        _ => at,
    }
}
