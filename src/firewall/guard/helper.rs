//! Where the guard's program is installed, and how it is called.
//!
//! It is a copy of dlvgate that root owns: sudo runs nothing that its caller could have changed. The sudoers entry names
//! these arguments and no others.

/// The helper's path.
pub const HELPER: &str = if cfg!(target_os = "macos") {
    "/Library/PrivilegedHelperTools/dlvgate-guard"
} else {
    "/usr/local/libexec/dlvgate-guard"
};

/// The helper's arguments.
pub const ARGUMENTS: [&str; 3] =
    ["guard", "--backend", if cfg!(target_os = "macos") { "pf" } else { "nftables" }];
