//! The program that stands in for pfctl.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The stand-in as its source is now. Cargo builds an example that has tests of its own only as those tests, so the
/// program is built here, beside the product.
pub fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let profile = Path::new(env!("CARGO_BIN_EXE_dlvgate")).parent().expect("a folder");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--example", "standin-pfctl", "--target-dir"]);
        cargo.arg(profile.parent().expect("the target folder")).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "the stand-in for pfctl does not build");
        profile.join("examples/standin-pfctl")
    };
    BUILT.get_or_init(build).clone()
}
