//! The facts about a server that stand in its recordings' headers.

use crate::format::RecordedSettings;

/// The facts about a server that its recordings have in their headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The program that records, with its version: `dlvgate 0.1.0`.
    pub tool: String,
    /// The settings.
    pub settings: RecordedSettings,
    /// Keeps every text out of the files that the protocol does not name itself: see
    /// [`redact`](crate::redact).
    pub redact: bool,
}

impl Default for About {
    /// This library as the tool, no settings, nothing redacted.
    fn default() -> About {
        let tool = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        About { tool: tool.to_owned(), settings: RecordedSettings::default(), redact: false }
    }
}

/// The programs that a session was recorded with; `None` if a version is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// dlv's version: `1.27.1`.
    pub dlv: Option<String>,
    /// Go's version: `go1.27.3`.
    pub go: Option<String>,
}
