//! Facts about this machine: programs, processes, profiles. Nothing is judged here.

pub(super) mod delves;
pub(super) mod files;
pub(super) mod go;
pub(super) mod go_env;
pub(super) mod go_version;
pub(super) mod login_shell;
pub(super) mod process;
pub(super) mod tool;
