//! dlv's command lines, run by dlv and by dlvgate in its place: output and exit code are
//! the same.

use std::path::Path;

use dlvgate_test_support::dropin::{Dlv, Ended, Which};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::toolchain::Pair;

for_every_dlv!(
    command_lines_that_do_not_listen_are_dlv_s_own,
    command_lines_that_listen_say_and_end_as_dlv_does,
    a_link_to_us_is_dlv_too,
);

/// The input of a terminal session that has to end.
const SESSION: &str = "break main.main\ncontinue\nlocals\nnext\nstack\nprint 6*7\nexit\n";

/// Command lines with their input.
const PLAIN: [(&str, &str); 24] = [
    ("", ""),
    ("version", ""),
    ("version --verbose", ""),
    ("help", ""),
    ("help exec", ""),
    ("help dap", ""),
    ("help log", ""),
    ("dap --help", ""),
    ("exec --headless --help", ""),
    ("nonsense", ""),
    ("--nonsense", ""),
    ("exec", ""),
    ("exec ./nonexistent", ""),
    ("exec ./demo-binary --allow-non-terminal-interactive", SESSION),
    ("--allow-non-terminal-interactive=true exec ./demo-binary -- --headless -l :1", SESSION),
    ("debug --allow-non-terminal-interactive", SESSION),
    ("exec ./demo-binary --backend=nonsense --allow-non-terminal-interactive", "exit\n"),
    ("attach 999999999", ""),
    ("attach", ""),
    ("core ./demo-binary ./nonexistent", ""),
    ("connect 127.0.0.1:1", ""),
    ("connect --headless 127.0.0.1:1", ""),
    ("completion bash", ""),
    ("exec ./demo-binary --wd", ""),
];

const LISTENING: [&str; 14] = [
    "exec --headless ./nonexistent",
    "exec ./nonexistent --headless --listen=127.0.0.1:0 --api-version=2",
    "--headless=true --accept-multiclient exec ./nonexistent -- -a",
    "exec ./demo-binary --headless --listen=nonsense",
    "exec ./demo-binary --headless --listen 127.0.0.1:99999",
    "exec ./demo-binary --headless --api-version=7",
    "exec ./demo-binary --headless --continue",
    "exec ./demo-binary --headless --log-output=rpc",
    "exec ./demo-binary --headless --backend=nonsense",
    "exec ./demo-binary --headless=maybe",
    "attach --headless 999999999",
    "core --headless ./demo-binary ./nonexistent",
    "dap --continue",
    "dap --log-output dap",
];

fn run(dlv: &Pair, which: Which, folder: &Path, line: &str, input: &str) -> Ended {
    Dlv::new(dlv, which).folder(folder).args(line.split_whitespace()).start_with_input(input).ended()
}

/// Without parts that differ from one run to the next: numbers, and the space between columns of a
/// table of them.
pub fn lasting(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let digit = character.is_ascii_hexdigit() && (character.is_ascii_digit() || out.ends_with('#'));
        match (digit, out.ends_with('#')) {
            (true, false) => out.push('#'),
            (true, true) => {}
            _ => out.push(character),
        }
    }
    out
}

fn compare(dlv: &Pair, which: Which, folder: &Path, line: &str, input: &str) {
    let real = run(dlv, Which::Real, folder, line, input);
    let ours = run(dlv, which, folder, line, input);
    let shown = format!("dlv {line}\n--- dlv: {real:#?}\n--- ours: {ours:#?}");
    assert_eq!(ours.status, real.status, "{shown}");
    assert_eq!(lasting(&ours.stdout), lasting(&real.stdout), "{shown}");
    assert_eq!(lasting(&ours.stderr), lasting(&real.stderr), "{shown}");
}

fn command_lines_that_do_not_listen_are_dlv_s_own(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    for (line, input) in PLAIN {
        compare(dlv, Which::Command, &program.folder, line, input);
    }
    let (calc, broken) = (Program::source("calc"), Program::source("broken"));
    let tests = "test --allow-non-terminal-interactive . -- -test.run TestSumOfNothing -test.v";
    compare(dlv, Which::Command, &calc.folder, tests, "continue\nexit\n");
    compare(dlv, Which::Command, &broken.folder, "debug", "");
}

fn command_lines_that_listen_say_and_end_as_dlv_does(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    for line in LISTENING {
        compare(dlv, Which::Command, &program.folder, line, "");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for line in
        [format!("dap -l 127.0.0.1:{port}"), format!("exec ./demo-binary --headless -l 127.0.0.1:{port}")]
    {
        compare(dlv, Which::Command, &program.folder, &line, "");
    }
    let broken = Program::source("broken");
    compare(dlv, Which::Command, &broken.folder, "debug --headless", "");
}

fn a_link_to_us_is_dlv_too(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    for line in ["version", "exec ./nonexistent", "exec --headless ./nonexistent", "nonsense"] {
        compare(dlv, Which::Link, &program.folder, line, "");
    }
}
