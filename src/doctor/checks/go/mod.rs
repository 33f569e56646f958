//! Go: which one, in which environment, for which module.

pub(super) mod environment;
pub(super) mod installed;
pub(super) mod module;
pub(super) mod shells;
