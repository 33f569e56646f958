//! `dlvgate firewall install`, `uninstall`, `snapshot` and `rollback`, in folders that stand for a
//! system, and once in the system itself, within a mount namespace.

mod advice;
mod install;
mod pf_conf;
mod snapshot;
mod system;
mod trial;
