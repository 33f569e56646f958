//! dlvgate
fn main() {}
