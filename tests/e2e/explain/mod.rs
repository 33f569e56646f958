//! `dlvgate firewall explain` for nftables, in a network namespace, against the kernel itself.

mod agreement;
mod cli;
mod conditions;
mod kernel;
mod random;
