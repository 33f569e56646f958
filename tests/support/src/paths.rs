//! Where the repository is, and what cargo has built from it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The repository's root.
pub fn repository() -> &'static Path {
    // This package is in tests/support.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package is in the repository")
}

/// The folder of the profile that the tests are built with, such as `target/debug`.
///
/// Only a package's own tests get paths from cargo (`CARGO_BIN_EXE_…`), so this one is told by the
/// running test's: cargo puts test binaries into `deps` in there.
pub fn profile() -> &'static Path {
    static PROFILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().expect("a running test has a path");
        test.ancestors().nth(2).expect("cargo's folders are around a test").to_owned()
    });
    &PROFILE
}

/// The program under test.
pub fn dlvgate() -> &'static str {
    static DLVGATE: LazyLock<String> = LazyLock::new(|| {
        let path = profile().join("dlvgate");
        assert!(path.is_file(), "{} is not there: cargo builds it with the tests of dlvgate", path.display());
        path.to_str().expect("a path in UTF-8").to_owned()
    });
    &DLVGATE
}

/// A folder for what tests make and later runs use again: cargo's own `CARGO_TARGET_TMPDIR`.
pub fn scratch() -> PathBuf {
    let folder = profile().parent().expect("the target folder").join("tmp");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
