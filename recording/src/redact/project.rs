//! Which files are the project's: only their names stay.

use std::path::Path;

use serde_json::Value;

/// Folders that hold much more than a project.
const SYSTEM: [&str; 11] = [
    "/usr/local",
    "/usr/lib",
    "/usr/share",
    "/usr/src",
    "/usr/bin",
    "/opt/homebrew",
    "/var/lib",
    "/var/tmp",
    "/private/tmp",
    "/go/src",
    "/go/pkg",
];

/// The project's folders.
#[derive(Clone, Debug, Default)]
pub(super) struct Project {
    folders: Vec<String>,
    /// They were named; nothing is learned.
    is_fixed: bool,
    /// They are where dlv runs, until a `launch` says more.
    is_a_guess: bool,
}

impl Project {
    pub(super) fn new(named: Option<&Path>, recorded: Option<&str>) -> Project {
        let mut project =
            Project { folders: Vec::new(), is_fixed: named.is_some(), is_a_guess: named.is_none() };
        match named {
            Some(folder) => {
                project.folders.push(folder.display().to_string().trim_end_matches('/').to_owned())
            }
            None => recorded.into_iter().for_each(|folder| project.add(folder)),
        }
        project
    }

    /// Learns from a `launch` or `attach` where the program is.
    pub(super) fn learn(&mut self, arguments: &Value) {
        if self.is_fixed {
            return;
        }
        let says_where = ["dlvCwd", "cwd", "program"].iter().any(|key| arguments[*key].is_string());
        if says_where && std::mem::replace(&mut self.is_a_guess, false) {
            self.folders.clear();
        }
        for key in ["dlvCwd", "cwd"] {
            arguments[key].as_str().into_iter().for_each(|folder| self.add(folder));
        }
        let Some(program) = arguments["program"].as_str() else { return };
        let is_folder =
            matches!(arguments["mode"].as_str(), None | Some("debug" | "test")) && !program.ends_with(".go");
        match program.rsplit_once('/') {
            Some((folder, _)) if !is_folder => self.add(folder),
            _ => self.add(program),
        }
    }

    /// A whole home, or `/tmp`, is no project, and no place of the system's.
    fn add(&mut self, folder: &str) {
        let folder = folder.trim_end_matches('/');
        let parts = folder.split('/').count();
        let is_home = parts <= 3 && (folder.starts_with("/home/") || folder.starts_with("/Users/"));
        let is_system = SYSTEM.contains(&folder);
        if folder.starts_with('/')
            && parts > 2
            && !is_home
            && !is_system
            && !self.folders.iter().any(|known| known == folder)
        {
            self.folders.push(folder.to_owned());
        }
    }

    /// Whether a path is the project's.
    pub(super) fn has(&self, path: &str) -> bool {
        let below = |folder: &String| {
            path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        !path.split('/').any(|part| part == "..") && self.folders.iter().any(below)
    }

    pub(super) fn folders(&self) -> &[String] {
        &self.folders
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_project_is_where_the_program_is() {
        let mut project = Project::new(None, Some("/home/me"));
        assert!(!project.has("/home/me/.ssh/id"), "a home is no project");
        project.learn(&json!({"mode": "debug", "program": "/home/me/app/cmd"}));
        project.learn(&json!({"mode": "exec", "program": "/opt/shop/bin/server"}));
        assert!(project.has("/home/me/app/cmd/main.go") && project.has("/opt/shop/bin/server"));
        assert!(!project.has("/home/me/app/other.go") && !project.has("/home/me/app/cmd/../../.ssh/id"));
        assert!(!project.has("/opt/shop/binary"));
        project.learn(&json!({"mode": "exec", "program": "/usr/local/server", "cwd": "/home/you"}));
        assert!(!project.has("/usr/local/go/src/fmt/print.go") && !project.has("/home/you/x"));
    }

    #[test]
    fn dlv_s_folder_is_the_project_until_a_launch() {
        let mut project = Project::new(None, Some("/home/me/src"));
        assert!(project.has("/home/me/src/other/main.go"));
        project.learn(&json!({"mode": "debug", "program": "/home/me/src/app"}));
        assert!(!project.has("/home/me/src/other/main.go") && project.has("/home/me/src/app/main.go"));
    }

    #[test]
    fn a_project_that_was_named_is_the_only_one() {
        let mut project = Project::new(Some(Path::new("/work/app/")), Some("/home/me/other"));
        project.learn(&json!({"mode": "debug", "program": "/home/me/third"}));
        assert!(project.has("/work/app/main.go"));
        assert!(!project.has("/home/me/other/x.go") && !project.has("/home/me/third/x.go"));
    }
}
