//! What pfctl says on stderr whatever it was asked to do.

/// One invocation's two streams and what it changed.
#[derive(Debug, Default)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    /// For the journal.
    pub changes: Vec<serde_json::Value>,
}

const FLUSH_WARNING: &str = "pfctl: Use of -f option, could result in flushing of rules
present in the main ruleset added by the system at startup.
See /etc/pf.conf for further details.

";

impl Output {
    pub fn out(&mut self, line: impl AsRef<str>) {
        self.stdout.push_str(line.as_ref());
        self.stdout.push('\n');
    }

    pub fn err(&mut self, line: impl AsRef<str>) {
        self.stderr.push_str(line.as_ref());
        self.stderr.push('\n');
    }

    /// pfctl's `errx`: exit code 1.
    pub fn fail(&mut self, message: impl AsRef<str>) -> i32 {
        self.err(format!("pfctl: {}", message.as_ref()));
        1
    }

    /// With every `-f`, also under `-n`.
    pub fn flush_warning(&mut self) {
        self.stderr.push_str(FLUSH_WARNING);
    }

    /// With every opening of `/dev/pf`.
    pub fn no_altq(&mut self) {
        self.err("No ALTQ support in kernel");
        self.err("ALTQ related functions disabled");
    }
}
