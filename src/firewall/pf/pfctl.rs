//! Running `pfctl(8)`: one call, its answer without the noise, or a typed failure.

use std::io;
use std::path::PathBuf;

use tokio::process::Command;

use super::error::PfError;
use crate::firewall::command::{LIMIT, NoAnswer, call};

/// Where macOS has it. Never looked up in PATH: it is run as root.
pub const PFCTL: &str = "/sbin/pfctl";

/// What every system has.
const SHELL: &str = "/bin/sh";

/// What macOS's pfctl writes to standard error when all is well: ALTQ is not in its kernel, and
/// every `-f` warns that rules may be flushed (pfctl.c).
const NOISE: [&str; 6] = [
    "No ALTQ support in kernel",
    "ALTQ related functions disabled",
    "pfctl: Use of -f option, could result in flushing of rules",
    "present in the main ruleset added by the system at startup.",
    "See /etc/pf.conf for further details.",
    "",
];

/// The answer of a call that succeeded.
pub(in crate::firewall) struct PfctlOutput {
    pub(in crate::firewall) stdout: String,
    /// Standard error without the noise.
    pub(super) stderr: String,
}

/// How to run it.
pub(in crate::firewall) struct Pfctl {
    path: PathBuf,
}

impl Pfctl {
    pub(in crate::firewall) fn new(path: PathBuf) -> Pfctl {
        Pfctl { path }
    }

    /// Runs a call that says nothing on standard error when all is well. pfctl exits 0 on some
    /// errors, so any unexpected word there is a failure.
    pub(super) async fn quiet(&self, arguments: &[&str], stdin: &str) -> Result<String, PfError> {
        let answer = self.run(arguments, stdin).await?;
        if answer.stderr.is_empty() {
            return Ok(answer.stdout);
        }
        Err(PfError::Failed {
            arguments: arguments.join(" "),
            status: "exit status 0, but it complains".to_owned(),
            said: answer.stderr,
        })
    }

    /// Runs a call that may say something on standard error.
    pub(in crate::firewall) async fn run(
        &self,
        arguments: &[&str],
        stdin: &str,
    ) -> Result<PfctlOutput, PfError> {
        let mut command = Command::new(&self.path);
        command.args(arguments);
        self.answer(command, arguments, |_| Ok(()), stdin).await
    }

    /// Runs a call whose process id is known, and noted, before pfctl does anything: a shell waits
    /// for our word and becomes pfctl. Should we be killed in between, the pipe ends and pfctl is
    /// never run.
    pub(super) async fn run_noted(
        &self,
        argument: &str,
        note: impl FnOnce(u32) -> io::Result<()>,
    ) -> Result<PfctlOutput, PfError> {
        let mut command = Command::new(SHELL);
        command.args(["-c", "read -r go && exec \"$0\" \"$1\""]).arg(&self.path).arg(argument);
        self.answer(command, &[argument], note, "go\n").await
    }

    async fn answer(
        &self,
        command: Command,
        arguments: &[&str],
        note: impl FnOnce(u32) -> io::Result<()>,
        stdin: &str,
    ) -> Result<PfctlOutput, PfError> {
        let output = call(command, note, stdin).await.map_err(|why| match why {
            NoAnswer::NotRun(said) => PfError::NoPfctl { path: self.path.clone(), said },
            NoAnswer::NotNoted(said) => PfError::NoJournal { said },
            NoAnswer::Hangs => PfError::Hangs { arguments: arguments.join(" "), limit: LIMIT },
        })?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = without_noise(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Ok(PfctlOutput { stdout, stderr });
        }
        if stderr.contains("Permission denied") {
            return Err(PfError::NotRoot { said: stderr });
        }
        Err(PfError::Failed {
            arguments: arguments.join(" "),
            status: output.status.to_string(),
            said: if stderr.is_empty() { "it said nothing".to_owned() } else { stderr },
        })
    }
}

fn without_noise(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !NOISE.contains(line)).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_warnings_are_no_complaint() {
        let stderr = "No ALTQ support in kernel\nALTQ related functions disabled\n\
                      pfctl: Use of -f option, could result in flushing of rules\n\
                      present in the main ruleset added by the system at startup.\n\
                      See /etc/pf.conf for further details.\n\n";
        assert_eq!(without_noise(stderr), "");
    }

    #[test]
    fn anything_else_is_kept() {
        assert_eq!(
            without_noise("No ALTQ support in kernel\npfctl: DIOCGETRULES: Invalid argument\n"),
            "pfctl: DIOCGETRULES: Invalid argument"
        );
    }
}
