//! What this kernel does not have.

/// Says once, for who looks for it, what this kernel does not have.
pub(super) fn is_not_here(what: &str) {
    tracing::debug!(target: "dlvgate::firewall", "this kernel has no {what}: the guard goes on without it");
}
