//! What the guard needs of a packet filter.

use std::net::IpAddr;

use serde::Serialize;

use super::journal::Record;
use crate::firewall::{FirewallError, Peer};

pub(in crate::firewall) struct Refused {
    pub(in crate::firewall) why: FirewallError,
    pub(in crate::firewall) may_be_left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Loaded {
    pub pid: u32,
    pub port: u16,
}

pub(in crate::firewall) trait Driver {
    async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), Refused>;
    async fn shut(&self, port: u16) -> Result<(), FirewallError>;
    async fn remove(&self, port: u16) -> Result<(), FirewallError>;
    async fn is_filtering(&self) -> Result<bool, FirewallError>;
    async fn check(&self) -> Result<(), FirewallError>;
    async fn loaded(&self) -> Result<Vec<Loaded>, FirewallError>;
    async fn sweep(&self, left: &Record) -> Result<(), FirewallError>;
}
