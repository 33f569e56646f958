//! `dlvgate firewall explain` for nftables, in a network namespace, against the kernel itself.

mod agreement;
mod command;
mod conditions;
mod kernel;
mod random;
