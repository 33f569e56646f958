//! The programs that stand in for others, as their sources are now.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::paths;

/// The one that stands in for pfctl.
pub fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| example("standin-pfctl")).clone()
}

/// The stand-in of this name. Cargo builds an example that has tests of its own only as those
/// tests, and none where a single test binary is built, so the program is built here, beside the
/// product.
pub fn example(name: &str) -> PathBuf {
    example_of("dlvgate", name)
}

/// Returns the example of this name in a crate of the workspace.
pub fn example_of(package: &str, name: &str) -> PathBuf {
    let profile = paths::profile();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", package, "--example", name, "--target-dir"]);
    cargo.arg(profile.parent().expect("the target folder")).current_dir(paths::repository());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success(), "{name} does not build");
    profile.join("examples").join(name)
}
