//! Whether this user may debug at all.

use crate::doctor::context::Context;
use crate::doctor::finding::Finding;

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    if context.is_mac() { macos::check(context).await } else { linux::check().await }
}

mod macos {
    use std::path::Path;

    use crate::doctor::context::{Context, variable};
    use crate::doctor::facts::tool;
    use crate::doctor::finding::{CheckGroup, Finding, Health, quoted_path};

    const SECURITY: &str = "/usr/sbin/DevToolsSecurity";

    /// Where Delve looks, besides PATH (Delve, `pkg/proc/gdbserial/gdbserver.go`).
    const DEBUGSERVERS: [&str; 2] = [
        "/Library/Developer/CommandLineTools/Library/PrivateFrameworks/LLDB.framework/Versions/A/Resources/debugserver",
        "/Applications/Xcode.app/Contents/SharedFrameworks/LLDB.framework/Versions/A/Resources/debugserver",
    ];

    const CODESIGN: &str = "/usr/bin/codesign";

    pub(super) async fn check(context: &Context) -> Vec<Finding> {
        let (mode, signature) = tokio::join!(developer_mode(), signature(context));
        [mode, debugserver()].into_iter().chain(signature).collect()
    }

    /// Apple's processors run nothing unsigned; a signature that was broken kills the program at
    /// its start.
    async fn signature(context: &Context) -> Option<Finding> {
        let delve = context.delves().await.chosen.as_ref().ok()?;
        let (program, path) = (&delve.path, delve.path.display());
        let finding = |state, seen: String| Finding::new(CheckGroup::Permissions, "signature", state, seen);
        Some(match tool::ask(CODESIGN, &["--verify", &path.to_string()]).await {
            Ok(said) if said.success => finding(Health::Good, format!("the signature of {path} is valid")),
            Ok(said) => {
                finding(Health::Bad, format!("the signature of {path} is not valid: {}", said.first_line()))
                    .why("macOS kills a program with a broken signature at its start: `Killed: 9`")
                    .remedy(format!("codesign --force --sign - {}", quoted_path(program)))
            }
            Err(why) => finding(Health::Unknown, format!("codesign cannot check {path}: {why}")),
        })
    }

    async fn developer_mode() -> Finding {
        let finding =
            |state, seen: &str| Finding::new(CheckGroup::Permissions, "developer-mode", state, seen);
        match tool::ask(SECURITY, &["-status"]).await {
            Ok(said) if said.stdout.contains("enabled") => finding(Health::Good, "developer mode is enabled"),
            Ok(said) if said.stdout.contains("disabled") => finding(Health::Bad, "developer mode is disabled")
                .why("macOS asks for a password each time that a program is debugged, and refuses where it cannot be typed")
                .undoable_remedy("sudo DevToolsSecurity -enable", "sudo DevToolsSecurity -disable"),
            Ok(said) => finding(Health::Unknown, &format!("DevToolsSecurity says: {}", said.first_line())),
            Err(why) => finding(Health::Unknown, &format!("{SECURITY} does not say whether developer mode is on: {why}")),
        }
    }

    fn debugserver() -> Finding {
        let named = variable("DELVE_DEBUGSERVER_PATH").filter(|path| Path::new(path).exists());
        let found = named
            .or_else(|| DEBUGSERVERS.iter().find(|path| Path::new(path).exists()).map(ToString::to_string));
        match found {
            Some(path) => {
                Finding::new(CheckGroup::Permissions, "debugserver", Health::Good, format!("Apple's debugserver is there: {path}"))
            }
            None => Finding::new(CheckGroup::Permissions, "debugserver", Health::Bad, "Apple's debugserver is not installed")
                .why("Delve debugs through it: launching fails with `debugserver or lldb-server not found: install Xcode's \
                      command line tools or lldb-server`")
                .remedy("xcode-select --install"),
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::process::{Command, Stdio};

    use nix::errno::Errno;
    use nix::sys::ptrace;
    use nix::unistd::Pid;

    use crate::doctor::context::sudo;
    use crate::doctor::finding::{CheckGroup, Finding, Health};

    const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";

    pub(super) async fn check() -> Vec<Finding> {
        // A process traces by thread: the trial must begin and end on one.
        let tried = tokio::task::spawn_blocking(attach_to_a_child).await;
        let mut found = vec![trial(tried.unwrap_or_else(|error| Err(error.to_string())))];
        found.extend(yama());
        found
    }

    /// Attaches to a process that we have started ourselves, as a debugger does.
    fn attach_to_a_child() -> Result<(), String> {
        let child = Command::new("/bin/sleep").arg("3").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut child = child.map_err(|error| error.to_string())?;
        let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|error| error.to_string())?);
        let attached = ptrace::seize(pid, ptrace::Options::empty());
        let _ = child.kill();
        let _ = child.wait();
        match attached {
            Ok(()) => Ok(()),
            Err(Errno::EPERM) => Err("the system forbids it (EPERM)".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn trial(tried: Result<(), String>) -> Finding {
        match tried {
            Ok(()) => {
                let seen = "a process may be attached to (ptrace), tried with one of our own";
                Finding::new(CheckGroup::Permissions, "ptrace", Health::Good, seen)
            }
            Err(why) => {
                let finding = Finding::new(
                    CheckGroup::Permissions,
                    "ptrace",
                    Health::Bad,
                    format!("ptrace does not work: {why}"),
                );
                if scope().is_some_and(|scope| scope >= 2) {
                    return finding
                        .why("Yama lets no process trace without CAP_SYS_PTRACE")
                        .undoable_remedy(set(1), set(2));
                }
                if in_container() {
                    return finding
                        .why("this container may not trace: launching fails with `operation not permitted`")
                        .remedy("docker run --cap-add=SYS_PTRACE …");
                }
                finding.why("a seccomp filter or a security module forbids it: launching fails with `operation not permitted`")
                    .remedy("grep -E 'Seccomp|NoNewPrivs|CapBnd' /proc/self/status")
            }
        }
    }

    fn scope() -> Option<u32> {
        fs::read_to_string(YAMA).ok()?.trim().parse().ok()
    }

    fn set(value: u32) -> String {
        format!("{}sysctl -w kernel.yama.ptrace_scope={value}", sudo())
    }

    fn in_container() -> bool {
        ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| fs::metadata(mark).is_ok())
    }

    /// CAP_SYS_PTRACE among this process's effective capabilities (capabilities(7), proc(5)).
    fn may_trace() -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask >> 19 & 1 == 1)
    }

    /// Linux's `Documentation/admin-guide/LSM/Yama.rst`.
    fn yama() -> Option<Finding> {
        let scope = scope()?;
        let finding = |state, seen: &str| Finding::new(CheckGroup::Permissions, "ptrace-scope", state, seen);
        if (1..=2).contains(&scope) && may_trace() {
            let seen = format!(
                "ptrace_scope is {scope}, which does not bind a process with CAP_SYS_PTRACE, such as this one"
            );
            return Some(finding(Health::Good, &seen));
        }
        Some(match scope {
            0 => finding(Health::Good, "ptrace_scope is 0: you may attach to your own processes"),
            1 => finding(Health::Note, "ptrace_scope is 1: dlv may debug what it starts; `dlv attach` needs root, or 0 here")
                .why("`dlv attach` fails with: could not attach to pid: this could be caused by a kernel security setting")
                .undoable_remedy(set(0), set(1)),
            2 => finding(Health::Bad, "ptrace_scope is 2: only root may debug")
                .why("launching and attaching fail for everybody else; with 1 a debugger may debug what it starts")
                .undoable_remedy(set(1), set(2)),
            _ => finding(Health::Bad, "ptrace_scope is 3: no user may debug until the next boot")
                .why("the kernel takes no other value any more")
                .remedy("grep -r ptrace_scope /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d"),
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod linux {
    use crate::doctor::finding::Finding;

    pub(super) async fn check() -> Vec<Finding> {
        Vec::new()
    }
}
