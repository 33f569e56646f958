//! `dlvgate firewall explain`, against a stand-in for pfctl that decides packets by an evaluator of
//! its own.

mod agreement;
mod command;
mod machine;
mod random;
