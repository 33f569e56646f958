//! `dlvgate firewall explain`, against others that decide packets: the kernel for nftables, an
//! evaluator of the stand-in's own for pf.

#[cfg(target_os = "linux")]
mod nftables;
mod pf;
