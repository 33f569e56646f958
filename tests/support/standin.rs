//! The programs that stand in for pfctl and for dlv.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The one for pfctl.
pub fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| program("standin-pfctl")).clone()
}

/// The one of this name, as its source is now. Cargo builds an example that has tests of its own only as those tests, and a run of
/// one test binary builds none, so the program is built here, beside the product.
pub fn program(name: &str) -> PathBuf {
    let profile = Path::new(env!("CARGO_BIN_EXE_dlvgate")).parent().expect("a folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--example", name, "--target-dir"]);
    cargo.arg(profile.parent().expect("the target folder")).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success(), "{name} does not build");
    profile.join("examples").join(name)
}
