//! What `dlvgate --version` says besides the version: the commit and the target.
#![forbid(unsafe_code)]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    // In debug builds the commit is left out, because each commit would cause a rebuild.
    let is_release = variable("PROFILE").as_deref() == Some("release");
    let commit = variable("DLVGATE_COMMIT")
        .or_else(|| if is_release { head() } else { Some("a debug build".to_owned()) });
    let commit = commit.unwrap_or_else(|| "unknown commit".to_owned());
    let (version, target) =
        (variable("CARGO_PKG_VERSION").unwrap_or_default(), variable("TARGET").unwrap_or_default());
    println!("cargo:rustc-env=DLVGATE_LONG_VERSION={version} ({commit}, {target})");
    println!("cargo:rerun-if-env-changed=DLVGATE_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    if is_release && Path::new(".git/HEAD").exists() {
        println!("cargo:rerun-if-changed=.git/HEAD");
        println!("cargo:rerun-if-changed=.git/logs/HEAD");
    }
}

/// The commit that is built, where git tells.
fn head() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}
