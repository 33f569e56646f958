//! Of the helper only its place.

pub const HELPER: &str = "/usr/local/libexec/dlvgate";
