//! Asking a program of the system.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long it may take, a bit less than a check may.
pub(in crate::doctor) const PATIENCE: Duration = Duration::from_millis(2500);

/// What it said.
#[derive(Clone, Debug, Default)]
pub(in crate::doctor) struct Said {
    pub(in crate::doctor) success: bool,
    pub(in crate::doctor) stdout: String,
    pub(in crate::doctor) stderr: String,
}

impl Said {
    /// The first line that says anything, on either stream: an error for people.
    pub(in crate::doctor) fn first_line(&self) -> String {
        let lines = self.stderr.lines().chain(self.stdout.lines()).map(str::trim);
        lines.filter(|line| !line.is_empty()).map(str::to_owned).next().unwrap_or_default()
    }
}

/// Why it said nothing.
#[derive(Clone, Debug)]
pub(in crate::doctor) enum Silent {
    /// There is no such program.
    Missing,
    /// It cannot be run.
    CannotRun(String),
    /// It did not end.
    Slow,
}

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Silent::Missing => f.write_str("there is no such program"),
            Silent::CannotRun(why) => write!(f, "it cannot be run: {why}"),
            Silent::Slow => write!(f, "it did not end within {} ms", PATIENCE.as_millis()),
        }
    }
}

/// Runs a program in the root folder, in the C locale, without input.
pub(in crate::doctor) async fn ask(program: impl AsRef<OsStr>, arguments: &[&str]) -> Result<Said, Silent> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/");
    run(command).await
}

/// Runs a command to its end, within the limits of a check.
pub(in crate::doctor) async fn run(mut command: Command) -> Result<Said, Silent> {
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.process_group(0).kill_on_drop(true).spawn();
    let child = child.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Silent::Missing,
        _ => Silent::CannotRun(error.to_string()),
    })?;
    match tokio::time::timeout(PATIENCE, child.wait_with_output()).await {
        Err(_) => Err(Silent::Slow),
        Ok(Err(error)) => Err(Silent::CannotRun(error.to_string())),
        Ok(Ok(output)) => Ok(Said {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}
