//! One call of pfctl.

use std::io::Write;
use std::process::{Command, Stdio};

/// How the names of the tests' anchors begin: below `com.apple`, which the main ruleset of every
/// Mac evaluates.
pub const OURS: &str = "com.apple/010.dlvgate.test.";

/// What pfctl says on standard error whatever it is asked.
const NOISE: [&str; 6] = [
    "No ALTQ support in kernel",
    "ALTQ related functions disabled",
    "pfctl: Use of -f option, could result in flushing of rules",
    "present in the main ruleset added by the system at startup.",
    "See /etc/pf.conf for further details.",
    "",
];

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    /// The process that it was.
    pub pid: u32,
    pub stdout: String,
    /// Standard error without the noise, a line each.
    pub complaint: String,
}

pub fn run(mut command: Command, stdin: &str) -> Answer {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let pid = child.id();
    // One that does not read it says why on standard error.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = stderr.lines().filter(|line| !NOISE.contains(&line.trim())).collect();
    Answer {
        code: output.status.code(),
        pid,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        complaint: lines.join("\n"),
    }
}

/// Panics where a call could take away rules, states or tokens of anybody else's.
pub fn assert_harmless(arguments: &[&str]) {
    if let Some(why) = harm(arguments) {
        panic!("pfctl {} is not for a real Mac: {why}", arguments.join(" "));
    }
}

fn harm(arguments: &[&str]) -> Option<&'static str> {
    let (mut anchor, mut is_dry, mut changes) = ("", false, false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().copied().unwrap_or_default();
        match *word {
            "-n" => is_dry = true,
            "-v" | "-E" => {}
            "-s" | "-t" | "-X" => _ = value(),
            "-a" => anchor = value(),
            "-f" => {
                changes = true;
                _ = value();
            }
            "-F" if matches!(value(), "rules" | "Tables") => changes = true,
            "-T" => {
                changes |= value() != "show";
                break; // addresses follow
            }
            "-k" if matches!((value(), words.next(), words.next()), (_, Some(&"-k"), Some(host)) if host.ends_with(".invalid")) =>
                {}
            _ => return Some("it is not among the calls that these tests may make"),
        }
    }
    let is_ours = anchor.starts_with(OURS);
    (changes && !is_dry && !is_ours).then_some("it changes what is not the tests' own")
}

#[test]
fn what_could_harm_a_real_mac_is_never_asked_of_it() {
    for fine in [
        "-E",
        "-X 17",
        "-v -s Anchors",
        "-n -f -",
        "-s rules",
        "-a com.apple/010.dlvgate.test.1 -f -",
        "-a com.apple/010.dlvgate.test.1 -F rules",
        "-a com.apple/010.dlvgate.test.1 -t peers -T add 192.0.2.5",
        "-a com.apple/x -t peers -T show",
        "-k label -k dlvgate.invalid",
    ] {
        assert_harmless(&fine.split(' ').collect::<Vec<_>>());
    }
    for harmful in [
        "-d",
        "-e",
        "-f -",
        "-nf -",
        "-f /etc/pf.conf",
        "-F all",
        "-F rules",
        "-F states",
        "-a com.apple/x -F rules",
        "-a com.apple/010.dlvgate.test.1 -F all",
        "-a com.apple/010.dlvgate.1 -f -",
        "-t peers -T flush",
        "-k 127.0.0.1",
        "-k 127.0.0.1 -k 127.0.0.1",
        "-x loud",
    ] {
        let call: Vec<&str> = harmful.split(' ').collect();
        assert!(harm(&call).is_some(), "{harmful}");
    }
}
