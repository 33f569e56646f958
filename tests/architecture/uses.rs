//! Which file uses which: paths resolved through imports and re-exports to where a name is
//! declared.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Import, Module, Tree};

/// More imports of imports than this lead round in a circle.
const MOST_IMPORTS: usize = 20;

/// The files that each file uses.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// A module itself: to name it is no use yet, to name something in it is one.
    Module(usize),
    /// Something that this module declares.
    Item(usize),
}

impl Tree {
    /// The files that each file uses. Who names a re-export uses the file that declares the name;
    /// a module that only passes on a name of its own submodules does not use it.
    pub fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (own, module) in self.modules.iter().enumerate() {
            let imports = module.imports.iter().filter(|import| !self.only_passes_on(own, import));
            let paths = imports.map(|import| &import.path).chain(&module.paths);
            let items = paths.filter_map(|path| match self.resolve(own, path, MOST_IMPORTS)? {
                Target::Item(at) => Some(at),
                Target::Module(_) => None,
            });
            let globs =
                module.globs.iter().filter_map(|path| match self.resolve(own, path, MOST_IMPORTS)? {
                    Target::Item(at) | Target::Module(at) => Some(at),
                });
            let files = items.chain(globs).map(|at| &self.modules[at].file);
            let others = files.filter(|&file| *file != module.file).cloned();
            uses.entry(module.file.clone()).or_default().extend(others);
        }
        uses
    }

    fn only_passes_on(&self, own: usize, import: &Import) -> bool {
        let module = &self.modules[own];
        let is_below = |at: usize| self.modules[at].name.starts_with(&module.name);
        import.is_reexport
            && !names(module, &import.name)
            && self.resolve(own, &import.path, MOST_IMPORTS).is_some_and(|target| match target {
                Target::Item(at) | Target::Module(at) => is_below(at),
            })
    }

    fn resolve(&self, from: usize, path: &[String], left: usize) -> Option<Target> {
        let left = left.checked_sub(1)?;
        let (head, rest) = path.split_first()?;
        match head.as_str() {
            "crate" => self.walk(self.root_of(from), rest, left),
            "self" => self.walk(from, rest, left),
            "super" => {
                let (mut at, mut rest) = (self.modules[from].parent?, rest);
                while let [head, further @ ..] = rest
                    && head == "super"
                {
                    (at, rest) = (self.modules[at].parent?, further);
                }
                self.walk(at, rest, left)
            }
            name => {
                let module = &self.modules[from];
                let is_imported =
                    module.imports.iter().any(|one| one.name == name && one.path.first() != Some(head));
                if is_imported || module.children.contains_key(name) {
                    return self.walk(from, path, left);
                }
                self.walk(*self.roots.get(name)?, rest, left)
            }
        }
    }

    /// Follows `path` down from a module.
    fn walk(&self, from: usize, path: &[String], left: usize) -> Option<Target> {
        let Some((name, rest)) = path.split_first() else { return Some(Target::Module(from)) };
        let module = &self.modules[from];
        let child = module.children.get(name);
        if let (Some(child), [_, ..]) = (child, rest) {
            return self.walk(*child, rest, left);
        }
        if module.items.contains(name) {
            return Some(Target::Item(from));
        }
        let named = module.imports.iter().filter(|import| import.name == *name);
        let imported = named.map(|import| import.path.iter().chain(rest).cloned().collect());
        let globs = module.globs.iter().map(|glob| glob.iter().chain(path).cloned().collect());
        let mut ways = imported.chain(globs);
        ways.find_map(|way: Vec<String>| self.resolve(from, &way, left))
            .or_else(|| child.map(|child| Target::Module(*child)))
    }

    fn root_of(&self, mut at: usize) -> usize {
        while let Some(parent) = self.modules[at].parent {
            at = parent;
        }
        at
    }
}

/// Whether a module's own code has this name.
fn names(module: &Module, name: &str) -> bool {
    module.words.contains(name) || module.paths.iter().any(|path| path[0] == name)
}

/// The cycles of files, each as `a.rs → b.rs → a.rs`: of each group of files that all use each
/// other a short one.
pub fn cycles(uses: &Uses) -> Vec<String> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for from in uses.keys().filter(|from| !uses[*from].is_empty()) {
        if seen.contains(from) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(uses, from) {
            let group = reachable(uses, from).into_iter();
            seen.extend(group.filter(|file| reachable(uses, file).contains(from)));
            found.push(cycle.join(" → "));
        }
    }
    found
}

fn reachable<'a>(uses: &'a Uses, from: &str) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&String> = uses.get(from).into_iter().flatten().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(uses.get(file).into_iter().flatten());
        }
    }
    reached
}

fn shortest_cycle<'a>(uses: &'a Uses, from: &'a String) -> Option<Vec<&'a str>> {
    let (mut ways, mut seen) = (vec![vec![from]], BTreeSet::new());
    while !ways.is_empty() {
        let mut longer: Vec<Vec<&String>> = Vec::new();
        for way in ways {
            for next in uses.get(*way.last()?).into_iter().flatten() {
                if next == from {
                    return Some(way.into_iter().chain([from]).map(String::as_str).collect());
                }
                if seen.insert(next) {
                    longer.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}
