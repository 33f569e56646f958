//! No packet filter: the gate as a word only, with the reason why.

use std::fmt;

/// The backend that does nothing.
#[derive(Clone, Copy)]
pub(super) struct Off {
    why: &'static str,
}

impl Off {
    /// `--firewall off`.
    pub(super) fn chosen() -> Off {
        Off { why: "off, as chosen: no port is guarded" }
    }

    /// `--firewall auto` on a system without a backend.
    pub(super) fn nothing_to_drive() -> Off {
        Off { why: "off: auto drives pf, which this system does not have; no port is guarded" }
    }

    pub(super) fn open(&self, port: u16) {
        tracing::debug!(target: "dlvgate::firewall", port, "{}", self.why);
    }
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why)
    }
}
