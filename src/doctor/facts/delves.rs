//! Which dlv dlvgate takes, and which others there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::is_program;
use super::go_version::GoVersion;
use super::tool;
use crate::delve::{FindError, find};

/// A version of Delve.
pub(in crate::doctor) type DelveVersion = (u32, u32, u32);

/// More than these are not asked for their version.
const MOST: usize = 6;

/// A dlv.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct DelveFacts {
    pub(in crate::doctor) path: PathBuf,
    pub(in crate::doctor) version: Option<DelveVersion>,
    /// The Go that it was built with.
    pub(in crate::doctor) built_with: Option<GoVersion>,
    /// Why it does not say its version.
    pub(in crate::doctor) failed: Option<String>,
}

/// The one that dlvgate takes, and the others.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Delves {
    pub(in crate::doctor) chosen: Result<DelveFacts, String>,
    pub(in crate::doctor) others: Vec<DelveFacts>,
}

impl Delves {
    /// Looks for them: `dlv` is what the user names, `path` the folders of PATH.
    pub(in crate::doctor) async fn look(dlv: Option<&Path>, path: Vec<PathBuf>, home: &Path) -> Delves {
        let chosen = match find(dlv, None) {
            Ok(path) => Ok(DelveFacts::ask(path).await),
            Err(error @ FindError::Ourselves(_)) => Err(error.to_string()),
            Err(FindError::NotFound) => Err("no dlv is installed".to_owned()),
        };
        let real = |path: &Path| path.canonicalize().ok();
        let mut seen: BTreeSet<PathBuf> = chosen.iter().filter_map(|delve| real(&delve.path)).collect();
        let folders = path.into_iter().chain(["go/bin", ".local/bin"].map(|below| home.join(below)));
        let mut others = Vec::new();
        for path in folders.map(|folder| folder.join("dlv")).filter(|path| is_program(path)) {
            let is_new = real(&path).is_some_and(|real| seen.insert(real));
            // Links to dlvgate and copies of it are no dlv.
            if is_new && others.len() < MOST && find(Some(&path), None).is_ok() {
                others.push(DelveFacts::ask(path).await);
            }
        }
        Delves { chosen, others }
    }
}

impl DelveFacts {
    /// Asks it.
    pub(in crate::doctor) async fn ask(path: PathBuf) -> DelveFacts {
        let (mut text, mut failed) = (String::new(), None);
        match tool::ask(&path, &["version", "--verbose"]).await {
            Ok(said) if said.stdout.contains("Version:") => text = said.stdout,
            // Delve before 1.7.2 does not know --verbose.
            Ok(_) => match tool::ask(&path, &["version"]).await {
                Ok(said) if said.stdout.contains("Version:") => text = said.stdout,
                Ok(said) => failed = Some(said.first_line()),
                Err(why) => failed = Some(why.to_string()),
            },
            Err(why) => failed = Some(why.to_string()),
        }
        let after = |word: &str| text.lines().find_map(|line| line.trim().strip_prefix(word));
        DelveFacts {
            path,
            version: after("Version:").and_then(version),
            built_with: after("Build Details:").and_then(GoVersion::parse),
            failed,
        }
    }

    /// Its name for people.
    pub(in crate::doctor) fn name(&self) -> String {
        match self.version {
            Some((major, minor, patch)) => format!("dlv {major}.{minor}.{patch}"),
            None => "dlv of unknown version".to_owned(),
        }
    }
}

/// `1.27.1`, `1.5.0-dev`.
fn version(text: &str) -> Option<DelveVersion> {
    let mut numbers = text.trim().split(['.', '-', '+']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read() {
        assert_eq!(version(" 1.27.1"), Some((1, 27, 1)));
        assert_eq!(version("1.5.0-dev"), Some((1, 5, 0)));
        assert_eq!(version("1.5"), None);
    }
}
