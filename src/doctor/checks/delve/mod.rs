//! Delve: which one, for which Go, and whether it starts.

pub(super) mod installed;
pub(super) mod starts;
pub(super) mod support;
pub(super) mod versions;
