//! The folders that a debugging session writes to.

use std::env;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{Statvfs, statvfs};
use nix::unistd::{AccessFlags, Uid, User, access};

use crate::doctor::context::{Context, variable};
use crate::doctor::facts::files::owner;
use crate::doctor::finding::{CheckGroup, Finding, Health, quoted, quoted_path};

/// Bytes that a build needs at least; a small program's temporary files are some ten megabytes.
const ROOM: u64 = 64 * 1024 * 1024;

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let env = context.go_env().await;
    let folder = |name: &str| env.get(name).map(PathBuf::from);
    let of_go = [("GOCACHE", "what is built"), ("GOMODCACHE", "modules")];
    let wanted = of_go.iter().filter_map(|(name, what)| Some((*name, *what, folder(name)?)));
    let temporary = ("TMPDIR", "temporary files", env::temp_dir());
    let bad: Vec<Finding> =
        wanted.chain([temporary]).filter_map(|(name, what, path)| look(context, name, what, &path)).collect();
    if bad.is_empty() {
        let seen = "the folders for temporary files, builds and modules can be written";
        return vec![Finding::new(CheckGroup::Permissions, "folders", Health::Good, seen)];
    }
    bad
}

fn look(context: &Context, name: &str, what: &str, path: &Path) -> Option<Finding> {
    // Go creates missing folders below the existing ones.
    let there = path.ancestors().find(|folder| folder.exists())?;
    let place = there.display();
    let is_temporary = name == "TMPDIR";
    let bad = |seen: String| Finding::new(CheckGroup::Permissions, "folders", Health::Bad, seen);
    if is_temporary && !path.is_dir() {
        let seen = format!("TMPDIR is {}, which is not there", path.display());
        let finding = bad(seen).why("go makes no folder for temporary files, and every build fails");
        return Some(if variable(name).is_some() { finding.remedy("unset TMPDIR") } else { finding });
    }
    if access(there, AccessFlags::W_OK).is_err() {
        return Some(forbidden(context, name, what, there));
    }
    let system = statvfs(there).ok()?;
    if is_temporary && is_noexec(&system) {
        let seen = format!("the folder for {what}, {place}, is mounted noexec");
        let why = "tests and `go run` are built there, and starting them fails with `permission denied`";
        return Some(bad(seen).why(why).remedy("export TMPDIR=\"$HOME/.cache/tmp\" && mkdir -p \"$TMPDIR\""));
    }
    // The types of these fields differ from system to system.
    #[allow(clippy::unnecessary_cast)]
    let free = system.blocks_available() as u64 * system.fragment_size() as u64;
    (free < ROOM).then(|| {
        let seen = format!(
            "the disk of the folder for {what} ({name}), {place}, has {} MiB left",
            free / 1024 / 1024
        );
        let finding = bad(seen).why("builds fail with `no space left on device`");
        if is_temporary {
            finding.remedy("export TMPDIR=\"$HOME/.cache/tmp\" && mkdir -p \"$TMPDIR\"")
        } else {
            finding.remedy("go clean -cache")
        }
    })
}

/// macOS's statvfs(3) does not say.
fn is_noexec(system: &Statvfs) -> bool {
    #[cfg(target_os = "linux")]
    return system.flags().contains(nix::sys::statvfs::FsFlags::ST_NOEXEC);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = system;
        false
    }
}

/// What root has left below the user's own home is given back; another's stays, and Go is told of a
/// new folder.
fn forbidden(context: &Context, name: &str, what: &str, there: &Path) -> Finding {
    let place = there.display();
    let whose = owner(there).and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
    let whose = whose.map_or_else(|| "another user".to_owned(), |user| user.name);
    let seen = format!("the folder for {what} ({name}), {place}, is {whose}'s, and you may not write to it");
    let finding = Finding::new(CheckGroup::Permissions, "folders", Health::Bad, seen)
        .why("every build fails with `permission denied`; `sudo go …` leaves such folders");
    let me = User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name);
    match (me, own_of_root(there, &context.home)) {
        (Some(me), Some(own)) => {
            finding.remedy(format!("sudo chown -R {} {}", quoted(me), quoted_path(&own)))
        }
        _ => finding.remedy(format!("export {name}=\"$(mktemp -d)\"")),
    }
}

/// The folder, behind all links, where it is root's and lies in the user's own home: no command
/// here changes the owner of anything else. HOME may say anything, and a link may lead out of it.
fn own_of_root(folder: &Path, home: &Path) -> Option<PathBuf> {
    let (folder, home) = (folder.canonicalize().ok()?, home.canonicalize().ok()?);
    let is_own = owner(&home) == Some(Uid::effective().as_raw()) && owner(&folder) == Some(0);
    (is_own && is_below(&folder, &home)).then_some(folder)
}

fn is_below(folder: &Path, home: &Path) -> bool {
    home.components().count() > 1 && folder.starts_with(home) && folder != home
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_below_the_home_are_the_users_own() {
        let home = Path::new("/home/me");
        assert!(is_below(Path::new("/home/me/.cache/go-build"), home));
        for other in ["/", "/home/me", "/home/meg/.cache", "/opt/go"] {
            assert!(!is_below(Path::new(other), home), "{other}");
        }
        assert!(!is_below(Path::new("/etc"), Path::new("/")));
    }

    #[test]
    fn linked_or_foreign_folder_is_not_given() {
        let home = tempfile::tempdir().unwrap();
        let (own, link) = (home.path().join("cache"), home.path().join("link"));
        std::fs::create_dir(&own).unwrap();
        std::os::unix::fs::symlink("/usr", &link).unwrap();
        assert_eq!(own_of_root(&link, home.path()), None, "it leads out of the home");
        assert_eq!(
            own_of_root(Path::new("/usr/lib"), Path::new("/usr")).is_some(),
            Uid::effective().is_root()
        );
        if Uid::effective().is_root() {
            assert_eq!(own_of_root(&own, home.path()), Some(own.canonicalize().unwrap()));
            nix::unistd::chown(&own, Some(Uid::from_raw(65_534)), None).unwrap();
        }
        assert_eq!(own_of_root(&own, home.path()), None, "only what root has left");
    }
}
