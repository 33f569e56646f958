//! Where and of what the figures are.

use std::process::{Command, Stdio};

use crate::options::Options;
use crate::targets::{Kind, dlvgate_version, version};

/// Machine, builds, other forwarders, command: a list in Markdown.
pub fn description(options: &Options) -> anyhow::Result<String> {
    let mut lines = vec![
        format!("* machine: {}", machine()),
        format!("* date: {}; commit {}", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]), commit()),
    ];
    for build in options.builds() {
        if let Kind::Dlvgate { program, .. } = &build.kind {
            lines.push(format!("* {}: {}", build.name, dlvgate_version(program)?));
        }
    }
    let others = [("haproxy", "-v"), ("socat", "-V")].map(|(program, flag)| match version(program, flag) {
        Some(version) => format!("{program} {version}"),
        None => format!("{program} is not installed"),
    });
    lines.push(format!("* {}", others.join(", ")));
    lines.push(format!("* command: `{}`", options.command()));
    Ok(lines.join("\n") + "\n")
}

fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1).map(str::to_owned));
    let model = model.unwrap_or_else(|| output("uname", &["-m"]));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().map(|load| format!("; load {load} at the end")).unwrap_or_default();
    format!("{cpus} CPUs of {model}, {}{load}", output("uname", &["-sr"]))
}

fn commit() -> String {
    let changed =
        if output("git", &["status", "--porcelain", "src", "protocol", "tests", "Cargo.toml", "Cargo.lock"])
            .is_empty()
        {
            ""
        } else {
            ", with changes"
        };
    format!("{}{changed}", output("git", &["rev-parse", "--short", "HEAD"]))
}

/// What a program prints; nothing where it fails.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
