//! What a login shell and a program from the Dock see, against this shell.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use tokio::process::Command;

use super::installed::Go;
use crate::doctor::context::Context;
use crate::doctor::files::{self, ProfileLine, is_program};
use crate::doctor::finding::{Finding, Group, State, append, first_in_path, quoted_path};
use crate::doctor::tool::{self, Silent};
use crate::variables;

/// Comes before the environment, so that what a profile prints is told from it.
const MARK: &str = "dlvgate-doctor-environment";

/// What macOS gives a program that is started from the Dock (launchd's default).
const DOCK_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// A login shell, started with nothing but the user's names.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct LoginShell {
    shell: PathBuf,
    /// Its environment, or why it has none.
    outcome: Result<BTreeMap<String, String>, String>,
    is_slow: bool,
    /// What its profiles complained of: file, line, words.
    complaints: Vec<(PathBuf, usize, String)>,
}

impl Context {
    pub(in crate::doctor) async fn login(&self) -> &LoginShell {
        self.login.get_or_init(|| LoginShell::start(&self.home)).await
    }
}

impl LoginShell {
    async fn start(home: &Path) -> LoginShell {
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

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let login = context.login().await;
    let gos = context.gos().await;
    let mut found = vec![profile(context, login)];
    found.extend(disagreement(context));
    if let Some(winner) = gos.winner() {
        found.extend(elsewhere(context, login, winner));
        if context.is_mac() {
            found.push(dock(winner).await);
        }
    }
    found
}

fn profile(context: &Context, login: &LoginShell) -> Finding {
    let shell = login.shell.display();
    if login.is_slow {
        let seen = format!("a login shell ({shell}) takes longer than {} ms", tool::PATIENCE.as_millis());
        let why = "an IDE asks a login shell for its environment, and goes on without it after some seconds";
        return Finding::new(Group::Go, "profile", State::Warning, seen)
            .why(why)
            .remedy(format!("time {} -lc true", quoted_path(&login.shell)));
    }
    let own = login.complaints.iter().find(|(file, ..)| file.starts_with(&context.home) && file.is_file());
    if let Some((file, number, words)) = own {
        let seen = format!("{}:{number}: {words}", file.display());
        let why =
            "the rest of what this profile sets may be missing in a login shell, and in an IDE that asks one";
        let finding = Finding::new(Group::Go, "profile", State::Warning, seen).why(why);
        return finding.undoable_remedies([files::comment_out(file, *number)]);
    }
    match &login.outcome {
        Err(why) => no_login(context, login, why),
        Ok(_) => Finding::new(Group::Go, "profile", State::Good, format!("a login shell ({shell}) comes up")),
    }
}

fn no_login(context: &Context, login: &LoginShell, why: &str) -> Finding {
    let shell = login.shell.display();
    let seen = format!("a login shell ({shell}) does not come up: {why}");
    if login.shell.ends_with("nologin") || login.shell.ends_with("false") {
        return Finding::new(
            Group::Go,
            "profile",
            State::Note,
            format!("this user has no login shell ({shell})"),
        );
    }
    let reason = "an IDE that asks a login shell for PATH and GOROOT gets nothing";
    let finding = Finding::new(Group::Go, "profile", State::Bad, seen).why(reason);
    match files::leaving(&context.home) {
        Some((file, number)) => finding.undoable_remedies([files::comment_out(&file, number)]),
        None => finding.remedy(format!("{} -lxc true", quoted_path(&login.shell))),
    }
}

/// Two profiles that set one variable each in its own way: who has read which decides.
fn disagreement(context: &Context) -> Option<Finding> {
    ["GOROOT", "GOPATH"].into_iter().find_map(|name| {
        let lines = files::assignments(&context.home, name);
        let first = lines.first()?;
        let other = lines.iter().find(|line| line.value != first.value)?;
        let in_force = env::var(name).ok();
        let wrong = |line: &&ProfileLine| in_force.as_ref().is_some_and(|value| *value != line.value);
        let loser = [other, first].into_iter().find(wrong).unwrap_or(other);
        let seen = format!(
            "{name} is {} in {}, and {} in {}",
            first.value,
            first.place(),
            other.value,
            other.place()
        );
        let why = "which one holds depends on the kind of shell: a terminal, a script and an IDE may differ";
        let finding = Finding::new(Group::Go, "profiles", State::Warning, seen).why(why);
        Some(finding.undoable_remedies([files::comment_out(&loser.file, loser.number)]))
    })
}

/// The Go that a login shell finds.
fn elsewhere(context: &Context, login: &LoginShell, winner: &Go) -> Option<Finding> {
    let path = login.outcome.as_ref().ok()?.get("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(path).collect();
    let found = folders.iter().map(|folder| folder.join("go")).find(|go| is_program(go));
    let same = |go: &Path| go.canonicalize().ok() == winner.path.canonicalize().ok();
    match found {
        Some(go) if same(&go) => {
            let seen = format!("a login shell finds the same Go, {}", go.display());
            Some(Finding::new(Group::Go, "shells", State::Good, seen))
        }
        Some(go) => {
            let seen = format!("this shell runs {}, a login shell {}", winner.path.display(), go.display());
            let line = first_in_path(winner.path.parent().unwrap_or(&winner.root));
            let line = append(&line, &format!("~/{}", login_profile(&login.shell)));
            let why = "an IDE and a terminal may build with two versions of Go; a dlv supports some only";
            Some(Finding::new(Group::Go, "shells", State::Warning, seen).why(why).remedy(line))
        }
        None => Some(lost_path(context, winner)),
    }
}

fn lost_path(context: &Context, winner: &Go) -> Finding {
    let keeps = |value: &str| value.contains("$PATH") || value.contains("${PATH") || value.contains("$(");
    let lines = files::assignments(&context.home, "PATH");
    if let Some(line) = lines.iter().find(|line| line.file.starts_with(&context.home) && !keeps(&line.value))
    {
        let seen =
            format!("{} sets PATH without what was in it, and a login shell finds no Go", line.place());
        let why = "an IDE that asks a login shell finds neither go nor dlv";
        let finding = Finding::new(Group::Go, "shells", State::Warning, seen).why(why);
        return finding.undoable_remedies([files::comment_out(&line.file, line.number)]);
    }
    let seen = format!("a login shell does not find Go; this shell runs {}", winner.path.display());
    Finding::new(Group::Go, "shells", State::Note, seen)
}

fn login_profile(shell: &Path) -> &'static str {
    if shell.ends_with("zsh") { ".zprofile" } else { ".profile" }
}

/// The Go that an IDE finds which was started from the Dock, and asks no shell.
async fn dock(winner: &Go) -> Finding {
    let said =
        tool::ask("/bin/launchctl", &["getenv", "PATH"]).await.map(|said| said.stdout).unwrap_or_default();
    let path = if said.trim().is_empty() { DOCK_PATH } else { said.trim() };
    let found = env::split_paths(path).map(|folder| folder.join("go")).find(|go| is_program(go));
    let seen = match found {
        Some(go) => format!("a program from the Dock finds {}", go.display()),
        None => format!(
            "a program from the Dock has PATH={path}, without Go; GoLand takes its own setting (GOROOT), or {}",
            winner.root.display()
        ),
    };
    Finding::new(Group::Go, "dock", State::Note, seen)
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
