//! Where the guard's program is installed, and how it is called.
//!
//! It is a copy of dlvgate that root owns: sudo runs nothing that its caller could have changed.
//! The sudoers entry names these arguments and no others.

use crate::firewall::backend::FirewallBackend;

/// The helper's path on macOS.
pub const HELPER_ON_MACOS: &str = "/Library/PrivilegedHelperTools/dlvgate-guard";

/// The helper's path on Linux.
pub const HELPER_ON_LINUX: &str = "/usr/local/libexec/dlvgate-guard";

/// The helper's path here.
pub const HELPER: &str = if cfg!(target_os = "macos") { HELPER_ON_MACOS } else { HELPER_ON_LINUX };

/// The helper's arguments.
pub const ARGUMENTS: [&str; 3] = ["guard", "--backend", FirewallBackend::NATIVE.name()];
