//! What a login shell sees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use tokio::process::Command;

use super::files::is_program;
use super::tool::{self, Silent};
use crate::variables;

/// Comes before the environment, to separate it from the output of a profile.
const MARK: &str = "dlvgate-doctor-environment";

/// A login shell, started with nothing but the user's names.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct LoginShell {
    pub(in crate::doctor) shell: PathBuf,
    /// Its environment, or why it has none.
    pub(in crate::doctor) outcome: Result<BTreeMap<String, String>, String>,
    pub(in crate::doctor) is_slow: bool,
    /// What its profiles complained of: file, line, words.
    pub(in crate::doctor) complaints: Vec<(PathBuf, usize, String)>,
}

impl LoginShell {
    pub(in crate::doctor) async fn start(home: &Path) -> LoginShell {
        let user = User::from_uid(Uid::effective()).ok().flatten();
        let named = variables::folder("SHELL"); // a program: absolute, too
        let shell = named.or_else(|| user.as_ref().map(|user| user.shell.clone()));
        let shell = shell.filter(|shell| is_program(shell)).unwrap_or_else(|| "/bin/sh".into());
        let name = user.map(|user| user.name).unwrap_or_default();
        let mut command = Command::new(&shell);
        command.args(["-l", "-c", &format!("echo {MARK}; /usr/bin/env")]).current_dir("/").env_clear();
        command
            .env("HOME", home)
            .env("USER", &name)
            .env("LOGNAME", &name)
            .env("SHELL", &shell)
            .env("TERM", "dumb");
        let said = tool::run(command).await;
        let is_slow = matches!(said, Err(Silent::Slow));
        let (outcome, complaints) = match said {
            Err(why) => (Err(why.to_string()), Vec::new()),
            Ok(said) => (environment(&said), complaints(&said.stderr)),
        };
        LoginShell { shell, outcome, is_slow, complaints }
    }
}

fn environment(said: &tool::Said) -> Result<BTreeMap<String, String>, String> {
    let (_, lines) = said.stdout.split_once(MARK).ok_or_else(|| match said.stderr.trim() {
        "" => "it ends before it comes to a command".to_owned(),
        words => words.lines().next().unwrap_or_default().to_owned(),
    })?;
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(lines.lines().filter_map(pair).collect())
}

/// `/home/me/.profile: line 3: …` (sh, bash) or `/home/me/.zprofile:3: …` (zsh).
fn complaints(stderr: &str) -> Vec<(PathBuf, usize, String)> {
    stderr.lines().filter_map(complaint).collect()
}

fn complaint(line: &str) -> Option<(PathBuf, usize, String)> {
    let line = &line[line.find('/')?..];
    let readings = line.match_indices(':').filter_map(|(colon, _)| {
        let rest = line[colon + 1..].trim_start();
        let rest = rest.strip_prefix("line ").unwrap_or(rest);
        let (number, words) = rest.split_once(':')?;
        Some((PathBuf::from(&line[..colon]), number.trim().parse().ok()?, words.trim().to_owned()))
    });
    // A folder may be named `a:1:b`: of several readings the right one is not known, but for the
    // one whose file exists.
    let readings: Vec<(PathBuf, usize, String)> = readings.collect();
    let there: Vec<_> = readings.iter().filter(|(file, ..)| file.is_file()).collect();
    match (readings.as_slice(), there.as_slice()) {
        (_, [one]) => Some((*one).clone()),
        ([one], _) => Some(one.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_s_complaint_has_a_file_and_a_line() {
        let bash = "/bin/bash: line 1: x\n/home/me/.profile: line 3: goenv: command not found\n";
        assert_eq!(
            complaints(bash)[1],
            (PathBuf::from("/home/me/.profile"), 3, "goenv: command not found".to_owned())
        );
        let zsh = "/home/me/.zprofile:7: command not found: goenv";
        assert_eq!(complaints(zsh)[0].1, 7);
        assert!(complaints("hello / world: yes\n").is_empty());
    }

    #[test]
    fn complaint_below_colons_names_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let (other, profile) = (folder.path().join("a"), folder.path().join("a:1:b/.profile"));
        std::fs::create_dir(profile.parent().unwrap()).unwrap();
        std::fs::write(&profile, "").unwrap();
        let line = format!("{}: line 3: goenv: command not found", profile.display());
        assert_eq!(complaint(&line), Some((profile, 3, "goenv: command not found".to_owned())));
        std::fs::write(&other, "precious").unwrap();
        assert_eq!(complaint(&line), None, "two readings, and both files are there");
    }
}
