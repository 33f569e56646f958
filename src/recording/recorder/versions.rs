//! Which dlv and Go a recording was made with.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{About, Installed};
use crate::delve::find;

/// How long a program may take to say its version. Both take some 30 ms.
const LIMIT: Duration = Duration::from_secs(3);

/// How often is looked whether it has said it.
const LOOK: Duration = Duration::from_millis(5);

/// Versions, where they could be had.
#[derive(Debug)]
pub(super) struct Versions {
    pub(super) dlv: Option<String>,
    pub(super) go: Option<String>,
}

impl Versions {
    /// Asks both programs; takes as long as they do.
    pub(super) fn ask(about: &About) -> Versions {
        let Some(Installed { program, environment }) = &about.dlv else {
            return Versions { dlv: None, go: None };
        };
        let ask = |program: &Path| {
            let mut command = Command::new(program);
            command.arg("version").envs(environment.iter().map(|(name, value)| (name, value)));
            said(command)
        };
        // `dlv version` says "Delve Debugger\nVersion: 1.27.1\n…", `go version` "go version
        // go1.27.3 linux/amd64".
        let dlv = find(program.as_deref(), None).ok().and_then(|dlv| ask(&dlv));
        let dlv = dlv.and_then(|said| {
            Some(said.lines().find_map(|line| line.strip_prefix("Version: "))?.trim().to_owned())
        });
        let go = ask(Path::new("go")).and_then(|said| said.split_whitespace().nth(2).map(str::to_owned));
        Versions { dlv, go }
    }
}

fn said(mut command: Command) -> Option<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(LOOK);
    }
    // It has ended, and said less than a pipe holds.
    let output = child.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
