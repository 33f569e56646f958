//! Which dlv and Go a recording is made with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dlvgate_recording::Versions;

use crate::delve::find;

/// How long a program may take to say its version. Both take some 30 ms.
const LIMIT: Duration = Duration::from_secs(3);

/// How often is looked whether it has said it.
const LOOK: Duration = Duration::from_millis(5);

/// A dlv of this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct InstalledDelve {
    /// Its path; without one it is looked for.
    pub(super) program: Option<PathBuf>,
    /// Variables that its environment has besides ours.
    pub(super) environment: Vec<(&'static str, OsString)>,
}

impl InstalledDelve {
    /// Asks dlv and Go for their versions; takes as long as they do.
    pub(super) fn versions(&self) -> Versions {
        let ask = |program: &Path| {
            let mut command = Command::new(program);
            command.arg("version").envs(self.environment.iter().map(|(name, value)| (name, value)));
            said(command)
        };
        // `dlv version` says "Delve Debugger\nVersion: 1.27.1\n…", `go version` "go version
        // go1.27.3 linux/amd64".
        let dlv = find(self.program.as_deref(), None).ok().and_then(|dlv| ask(&dlv));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script;

    #[test]
    fn version_is_the_one_that_dlv_prints() {
        let folder = tempfile::tempdir().unwrap();
        let dlv = folder.path().join("dlv");
        let asked = |text: &str| {
            script::write(&dlv, text);
            InstalledDelve { program: Some(dlv.clone()), environment: vec![("ASKED", "1.99.0".into())] }
                .versions()
                .dlv
        };
        assert_eq!(
            asked("#!/bin/sh\necho Delve Debugger\necho \"Version: $ASKED\"\n").as_deref(),
            Some("1.99.0")
        );
        assert_eq!(asked("#!/bin/sh\necho Version: 1.99.0\nexit 1\n"), None);
        assert_eq!(asked("#!/bin/sh\necho 1.99.0\n"), None);
    }
}
