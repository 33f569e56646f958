//! What a login shell and a program from the Dock see, against this shell.

use std::env;
use std::path::{Path, PathBuf};

use crate::doctor::context::Context;
use crate::doctor::facts::files::{self, ProfileLine, is_program};
use crate::doctor::facts::go::Go;
use crate::doctor::facts::login_shell::LoginShell;
use crate::doctor::facts::tool;
use crate::doctor::finding::{CheckGroup, Finding, Health, append, first_in_path, quoted_path};

/// What macOS gives a program that is started from the Dock (launchd's default).
const DOCK_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

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
        return Finding::new(CheckGroup::Go, "profile", Health::Warning, seen)
            .why(why)
            .remedy(format!("time {} -lc true", quoted_path(&login.shell)));
    }
    let own = login.complaints.iter().find(|(file, ..)| file.starts_with(&context.home) && file.is_file());
    if let Some((file, number, words)) = own {
        let seen = format!("{}:{number}: {words}", file.display());
        let why =
            "the rest of what this profile sets may be missing in a login shell, and in an IDE that asks one";
        let finding = Finding::new(CheckGroup::Go, "profile", Health::Warning, seen).why(why);
        return finding.undoable_remedies([files::comment_out(file, *number)]);
    }
    match &login.outcome {
        Err(why) => no_login(context, login, why),
        Ok(_) => {
            Finding::new(CheckGroup::Go, "profile", Health::Good, format!("a login shell ({shell}) comes up"))
        }
    }
}

fn no_login(context: &Context, login: &LoginShell, why: &str) -> Finding {
    let shell = login.shell.display();
    let seen = format!("a login shell ({shell}) does not start: {why}");
    if login.shell.ends_with("nologin") || login.shell.ends_with("false") {
        return Finding::new(
            CheckGroup::Go,
            "profile",
            Health::Note,
            format!("this user has no login shell ({shell})"),
        );
    }
    let reason = "an IDE that asks a login shell for PATH and GOROOT gets nothing";
    let finding = Finding::new(CheckGroup::Go, "profile", Health::Bad, seen).why(reason);
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
        let finding = Finding::new(CheckGroup::Go, "profiles", Health::Warning, seen).why(why);
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
            Some(Finding::new(CheckGroup::Go, "shells", Health::Good, seen))
        }
        Some(go) => {
            let seen = format!("this shell runs {}, a login shell {}", winner.path.display(), go.display());
            let line = first_in_path(winner.path.parent().unwrap_or(&winner.root));
            let line = append(&line, &format!("~/{}", login_profile(&login.shell)));
            let why = "an IDE and a terminal may build with two versions of Go; a dlv supports some only";
            Some(Finding::new(CheckGroup::Go, "shells", Health::Warning, seen).why(why).remedy(line))
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
        let finding = Finding::new(CheckGroup::Go, "shells", Health::Warning, seen).why(why);
        return finding.undoable_remedies([files::comment_out(&line.file, line.number)]);
    }
    let seen = format!("a login shell does not find Go; this shell runs {}", winner.path.display());
    Finding::new(CheckGroup::Go, "shells", Health::Note, seen)
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
    Finding::new(CheckGroup::Go, "dock", Health::Note, seen)
}
