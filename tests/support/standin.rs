//! The programs that stand in for others, as their sources are now.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The one that stands in for pfctl.
pub fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| example("standin-pfctl")).clone()
}

/// The stand-in of this name. Cargo builds an example that has tests of its own only as those
/// tests, and none where a single test binary is built, so the program is built here, beside the
/// product.
pub fn example(name: &str) -> PathBuf {
    example_of(env!("CARGO_PKG_NAME"), name)
}

/// The example of this name in a crate of the workspace.
pub fn example_of(package: &str, name: &str) -> PathBuf {
    let profile = Path::new(env!("CARGO_BIN_EXE_dlvgate")).parent().expect("a folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", package, "--example", name, "--target-dir"]);
    cargo.arg(profile.parent().expect("the target folder")).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success(), "{name} does not build");
    profile.join("examples").join(name)
}
