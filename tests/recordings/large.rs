//! A recording of a hundred thousand messages: how long it takes to be shown, and in how much
//! memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Processor time that the release build is allowed; a build for tests is some ten times slower.
const LIMIT: Duration = if cfg!(debug_assertions) { Duration::from_secs(15) } else { Duration::from_secs(1) };
const MEMORY_KIB: u64 = 100 * 1024;
const PAIRS: usize = 50_000;

/// A long session of stops, as an IDE has it: stacks, scopes and variables, 500 bytes a message.
fn large(folder: &Path) -> PathBuf {
    let mut text = String::from(
        r#"{"recording":1,"tool":"test","protocol":"dap","start":"2026-01-01T00:00:00Z","dlv":"1.27.1","go":"go1.27.3","os":"linux/x86_64"}"#,
    );
    text.push('\n');
    let hostile = r#"<img src=x onerror=alert(1)></script>"#;
    for pair in 0..PAIRS {
        let (t, seq) = (pair * 1000, pair + 1);
        let command = ["initialize", "stackTrace", "scopes", "variables", "evaluate", "next"]
            [if pair == 0 { 0 } else { 1 + pair % 5 }];
        let took = 200 + (pair * 7919) % 700;
        let values: String = (0..4).fold(String::new(), |mut values, value| {
            let _ = write!(values, r#"{{"name":"field{value}","value":"value {value} of {pair} {hostile}","variablesReference":0}},"#);
            values
        });
        let values = values.trim_end_matches(',');
        let success = pair % 997 != 0;
        writeln!(
            text,
            r#"{{"t":{t},"from":"client","message":{{"seq":{seq},"type":"request","command":"{command}","arguments":{{"variablesReference":{pair},"padding":"{0:>200}"}}}}}}"#,
            ""
        )
        .unwrap();
        writeln!(
            text,
            r#"{{"t":{},"from":"dlv","message":{{"seq":{seq},"type":"response","request_seq":{seq},"success":{success},"command":"{command}","message":"x","body":{{"variables":[{values}]}}}}}}"#,
            t + took
        )
        .unwrap();
    }
    let file = folder.join("large.jsonl");
    std::fs::write(&file, text).unwrap();
    file
}

/// Returns the processor time that it took, which other work on the machine does not change, and
/// its largest size in KiB.
fn show(flags: &[&str], file: &Path) -> (Duration, u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    let mut child = command.arg("show").args(flags).arg(file).stdout(Stdio::null()).spawn().unwrap();
    let mut largest = 0;
    let pid = Pid::from_raw(child.id() as i32);
    let has_ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid), has_ended).unwrap() == WaitStatus::StillAlive {
        largest = largest.max(resident(child.id()));
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = processor_time(child.id());
    child.wait().unwrap();
    (took, largest)
}

/// The time in its own code and in the kernel so far, of a process that has ended, too.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).unwrap().unwrap();
    Duration::from_millis(ticks * 1000 / second as u64)
}

/// The largest size that the process has had so far, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn large_recording_is_shown_fast_in_little_memory() {
    let folder = TempDir::new().unwrap();
    let file = large(folder.path());
    for flags in [&[][..], &["--check"], &["--json"], &["--slower-than", "1s"]] {
        let (took, memory) = show(flags, &file);
        println!("show {flags:?}: {} ms, {} MiB", took.as_millis(), memory / 1024);
        assert!(took < LIMIT, "{flags:?} took {took:?}");
        assert!(memory < MEMORY_KIB, "{flags:?} took {memory} KiB");
    }
}

#[test]
fn page_of_many_messages_opens_and_scrolls() {
    let folder = TempDir::new().unwrap();
    let (file, page) = (large(folder.path()), folder.path().join("large.html"));
    println!("the recording has {} bytes", file.metadata().unwrap().len());
    let (took, memory) = show(&["--html", "-o", page.to_str().unwrap()], &file);
    println!("show --html: {} ms, {} MiB", took.as_millis(), memory / 1024);
    let seen = crate::page::look(&page);
    println!("{seen}");
    assert_eq!(seen["messages"], 2 * PAIRS);
    // Ten times what is promised, for a machine that does other things; a page with all its rows at
    // once is far above.
    assert!(seen["open_ms"].as_u64().unwrap() < 20_000, "{seen}");
    assert!(seen["frame_ms"]["p95"].as_f64().unwrap() < 500.0, "{seen}");
}
