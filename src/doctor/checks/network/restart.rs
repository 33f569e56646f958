//! The command of a dlv or dlvgate that runs, again, with another front: what it runs must not be
//! lost.

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;

use crate::delve::{Argv, check};
use crate::doctor::facts::process::{ListenerKind, Process};
use crate::doctor::finding::{quoted, quoted_path};

/// The front that a client needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WantedFront {
    pub(super) port: u16,
    /// The client's address, where it is on another machine.
    pub(super) peer: Option<IpAddr>,
}

impl WantedFront {
    /// As `--listen` takes it: no wider than this client needs.
    pub(super) fn listen(self) -> String {
        let host = if self.peer.is_some() { "" } else { "127.0.0.1" };
        format!("{host}:{}", self.port)
    }

    /// dlvgate's own words for it.
    fn words(self) -> Vec<OsString> {
        let mut words = vec!["--listen".into(), self.listen().into()];
        if let Some(peer) = self.peer {
            words.extend(["--allow".into(), peer.to_string().into()]);
        }
        words
    }
}

/// The command line that runs the same behind this front, for a shell. `None` where its words are
/// not known for certain, or the address cannot be found among them.
pub(super) fn restarted(process: &Process, front: WantedFront) -> Option<String> {
    let (first, rest) = process.command.split_first().filter(|_| process.is_exact)?;
    let rest: Vec<OsString> = rest.iter().map(OsString::from).collect();
    let name = first.rsplit('/').next().unwrap_or_default();
    let words = match process.kind() {
        ListenerKind::Dlvgate if name == "dlv" || rest.first().is_some_and(|word| word == "dlv") => None,
        ListenerKind::Dlvgate => dlvgate(first, rest, front),
        ListenerKind::Delve { .. } => delve(process, first, rest, front),
        ListenerKind::Tunnel(_) | ListenerKind::Other => None,
    }?;
    let line = words.iter().map(quoted).collect::<Vec<_>>().join(" ");
    // Relative paths are meant from there.
    Some(match &process.folder {
        Some(folder) => format!("cd {} && {line}", quoted_path(folder)),
        None => line,
    })
}

/// `dlvgate serve …`: everything stays but `--listen`; who is allowed already stays allowed.
fn dlvgate(first: &str, rest: Vec<OsString>, front: WantedFront) -> Option<Vec<OsString>> {
    let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
    let (ours, dlvs) = rest.split_at(end);
    let serve = ours.iter().position(|word| word == "serve")?;
    let mut words: Vec<OsString> = vec![first.into()];
    words.extend_from_slice(&ours[..=serve]);
    words.extend(front.words());
    let mut ours = ours[serve + 1..].iter();
    while let Some(word) = ours.next() {
        let text = word.to_str()?;
        match text {
            "--listen" | "-l" => match ours.next()?.to_str()? {
                // a unit of systemd's has the socket
                passed if passed.starts_with("fd:") => return None,
                _ => {}
            },
            _ if text.starts_with("--listen=") || text.starts_with("-l") => {}
            _ if text.starts_with('-') && !text.starts_with("--") && text.contains('l') => return None,
            _ => words.push(word.clone()),
        }
    }
    words.extend_from_slice(dlvs);
    Some(words)
}

/// A bare dlv: the same words, after `--`.
fn delve(process: &Process, first: &str, rest: Vec<OsString>, front: WantedFront) -> Option<Vec<OsString>> {
    let argv = Argv::parse(rest).ok().filter(|argv| argv.serves().is_some())?;
    let mut given = argv.without_listen()?;
    if argv.command() == Some("dap") {
        given.retain(|word| word != "dap");
    }
    check(&given).ok()?;
    let mut words: Vec<OsString> = vec!["dlvgate".into(), "serve".into()];
    words.extend(front.words());
    if first.contains('/') {
        words.extend([OsStr::new("--dlv").to_owned(), OsString::from(&process.program)]);
    }
    if !given.is_empty() {
        words.push("--".into());
        words.extend(given);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::doctor::facts::process::tests::process;
    use crate::shell::tests::{HOSTILE, read_back};

    const HERE: WantedFront = WantedFront { port: 2345, peer: None };

    fn there() -> WantedFront {
        WantedFront { port: 2345, peer: Some("192.0.2.5".parse().unwrap()) }
    }

    fn again(program: &str, command: &[&str], front: WantedFront) -> Option<String> {
        restarted(&process(program, command), front)
    }

    #[test]
    fn restart_keeps_the_program_and_its_words() {
        let headless = ["dlvgate", "-v", "serve", "--listen=127.0.0.1:2345", "--redact", "--", "exec"];
        let words = [&headless[..], &["./server", "--accept-multiclient", "--", "--listen", "x"]].concat();
        assert_eq!(
            again("/usr/bin/dlvgate", &words, there()).unwrap(),
            "dlvgate -v serve --listen :2345 --allow 192.0.2.5 --redact -- exec ./server --accept-multiclient -- --listen x"
        );
        for listen in [&["-l", "[::1]:2345"][..], &["-l[::1]:2345"], &["--listen", "[::1]:2345"], &[]] {
            let words = [&["dlvgate", "serve"], listen, &["--warm", "1"]].concat();
            assert_eq!(
                again("/usr/bin/dlvgate", &words, HERE).unwrap(),
                "dlvgate serve --listen 127.0.0.1:2345 --warm 1"
            );
        }
    }

    #[test]
    fn restart_of_a_bare_dlv_serves_that_client() {
        let words = [
            "dlv",
            "exec",
            "--headless",
            "--accept-multiclient",
            "--listen=[::]:2345",
            "/tmp/shop",
            "--",
            "-v",
        ];
        assert_eq!(
            again("/usr/bin/dlv", &words, there()).unwrap(),
            "dlvgate serve --listen :2345 --allow 192.0.2.5 -- exec --headless --accept-multiclient /tmp/shop -- -v"
        );
        let words = ["/opt/dlv", "dap", "-l", "127.0.0.1:2345", "--check-go-version=false"];
        assert_eq!(
            again("/opt/dlv", &words, HERE).unwrap(),
            "dlvgate serve --listen 127.0.0.1:2345 --dlv /opt/dlv -- --check-go-version=false"
        );
    }

    #[test]
    fn restart_is_not_guessed() {
        let unknown = [
            ("/usr/bin/dlvgate", &["dlv", "dap", "--listen=:2345"][..]),
            ("/usr/bin/dlvgate", &["dlvgate", "serve", "--listen", "fd:3"]),
            ("/usr/bin/dlvgate", &["dlvgate", "serve", "-ql", "127.0.0.1:2345"]),
            ("/usr/bin/dlv", &["dlv", "dap", "--client-addr=127.0.0.1:1"]),
            ("/usr/bin/dlv", &["dlv", "exec", "--headless", "--log-dest=3", "x"]),
            ("/usr/bin/ssh", &["ssh", "-L", "2345:127.0.0.1:2345", "host"]),
        ];
        for (program, words) in unknown {
            assert_eq!(again(program, words, HERE), None, "{words:?}");
        }
        let mut joined = process("/usr/bin/dlv", &["dlv", "dap"]);
        joined.is_exact = false; // macOS: one word may be two
        assert_eq!(restarted(&joined, HERE), None);
    }

    #[test]
    fn hostile_words_are_restarted_as_they_are() {
        for name in HOSTILE {
            let mut hostile = process("/usr/bin/dlv", &["dlv", "exec", "--headless", "--", name, ""]);
            hostile.folder = Some(PathBuf::from("/tmp").join(name));
            let command = restarted(&hostile, HERE).unwrap();
            let (folder, words) = command.split_once(" && dlvgate ").unwrap();
            assert_eq!(read_back(folder.strip_prefix("cd ").unwrap()), *format!("/tmp/{name}"));
            assert!(words.ends_with(&format!(" {} ''", quoted(name))), "{words}");
        }
    }
}
