//! Texts that may stay wherever they stand: each is one of a closed set, or has a form that no word
//! of a user's fits into.

use std::net::SocketAddr;

use super::shapes::Shapes;

/// Words of Delve's and of editors' that the protocol's own schema does not name (Delve 1.27,
/// `service/dap`, `service/api`).
const WORDS: [&str; 63] = [
    "",
    "unrecovered-panic",
    "runtime-fatal-throw",
    "Unrecovered Panics",
    "Fatal Throws",
    "panic",
    "fatal error",
    "runtime error",
    "unknown",
    "hardcoded breakpoint",
    "launched",
    "attached",
    "manual",
    "next finished",
    "call returned",
    "watchpoint",
    "entry",
    "rewind",
    "halt",
    "step",
    "stepInstruction",
    "nextInstruction",
    "reverseNext",
    "reverseStep",
    "reverseStepOut",
    "reverseStepInstruction",
    "reverseNextInstruction",
    "call",
    "switchThread",
    "switchGoroutine",
    "debug",
    "test",
    "exec",
    "replay",
    "core",
    "local",
    "remote",
    "auto",
    "native",
    "lldb",
    "rr",
    "go",
    "Go",
    "cmd/compile",
    "Version:",
    "Build:",
    "$Id:",
    "$",
    "internalConsole",
    "integratedTerminal",
    "externalTerminal",
    "vscode",
    "Visual Studio Code",
    "GoLand",
    "nvim-dap",
    "neovim",
    "Neovim",
    "vimspector",
    "zed",
    "Zed",
    "dlv-dap",
    "lsp4ij.debug",
    "helix",
];

/// Words of Go, and of its own library, in expressions, types and names of functions.
const GO: [&str; 97] = [
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
    "any",
    "bool",
    "byte",
    "comparable",
    "complex64",
    "complex128",
    "error",
    "float32",
    "float64",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "rune",
    "string",
    "uint",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uintptr",
    "true",
    "false",
    "iota",
    "nil",
    "append",
    "cap",
    "clear",
    "close",
    "complex",
    "copy",
    "delete",
    "imag",
    "len",
    "make",
    "max",
    "min",
    "new",
    "panic",
    "print",
    "println",
    "real",
    "recover",
    "main",
    "init",
    "runtime",
    "fmt",
    "os",
    "io",
    "time",
    "sync",
    "net",
    "http",
    "context",
    "strings",
    "errors",
    "bytes",
    "strconv",
    "unsafe",
    "reflect",
    "call",
    "Go",
    "Thread",
    "Locals",
    "Arguments",
    "Registers",
    "Globals",
    "goexit",
    "gopark",
    "entry",
    "_",
];

/// Words of the session's steps, as `src/session` says them.
const STEPS: [&str; 33] = [
    "pid",
    "at",
    "port",
    "spare",
    "exit",
    "status",
    "signal",
    "core",
    "dumped",
    "DAP",
    "JSON-RPC",
    "from",
    "the",
    "client",
    "closed",
    "its",
    "connection",
    "client's",
    "was",
    "reset",
    "disconnected",
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    "SIGHUP",
    "SIGSEGV",
    "SIGABRT",
    "SIGQUIT",
    "SIGPIPE",
    "standard",
    "input",
    "dlvgate",
    "complete",
];

/// Words of dlv's command line.
const COMMAND_LINE: [&str; 34] = [
    "dap",
    "debug",
    "exec",
    "test",
    "attach",
    "core",
    "replay",
    "connect",
    "trace",
    "--",
    "--headless",
    "--listen",
    "--api-version",
    "--accept-multiclient",
    "--log",
    "--log-output",
    "--log-dest",
    "--backend",
    "--build-flags",
    "--check-go-version",
    "--only-same-user",
    "--init",
    "--wd",
    "--tty",
    "--redirect",
    "--continue",
    "--output",
    "--disable-aslr",
    "--allow-non-terminal-interactive",
    "--client-addr",
    "--rr-onprocess-pid",
    "--rr-cleanup",
    "--waitfor",
    "--allow-non-terminal",
];

/// Systems and architectures, as Rust names them.
const SYSTEMS: [&str; 9] = ["linux", "macos", "freebsd", "x86_64", "aarch64", "arm", "x86", "amd64", "arm64"];

/// Endings of file names.
const EXTENSIONS: [&str; 10] = [".go", ".s", ".c", ".h", ".cc", ".cpp", ".mod", ".sum", ".test", ".exe"];

/// Tells whether the text is a word of the protocols'. Delve's API names its commands as DAP does.
pub(super) fn is_word(text: &str) -> bool {
    WORDS.contains(&text) || Shapes::all().has_word(text) || Shapes::all().has_name(text)
}

/// Tells whether an identifier is Go's own.
pub(super) fn is_go(word: &str) -> bool {
    GO.contains(&word)
}

/// Tells whether a word of a step's detail is dlvgate's own, a number, or an address of this
/// machine.
pub(super) fn is_step(word: &str) -> bool {
    STEPS.contains(&word) || is_number(word) || is_here(word)
}

/// Tells whether a word of dlv's command line says nothing of the user's.
pub(super) fn is_of_command_line(word: &str) -> bool {
    COMMAND_LINE.contains(&word)
}

/// Tells whether `SYSTEM/ARCHITECTURE` is known.
pub(super) fn is_system(text: &str) -> bool {
    text.split('/').count() == 2 && text.split('/').all(|part| SYSTEMS.contains(&part))
}

/// Gives the ending of a path, where it is usual.
pub(super) fn extension(path: &str) -> &'static str {
    EXTENSIONS.into_iter().find(|extension| path.ends_with(extension)).unwrap_or_default()
}

/// Tells whether this is an address of loopback's, or the standard streams.
pub(super) fn is_here(peer: &str) -> bool {
    peer == "standard input" || peer.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

/// Tells whether these are decimal digits.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether this is an address in memory: `0x` and hexadecimal digits.
pub(super) fn is_address(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    (1..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Tells whether this is a version: `1.27.1`, `go1.27.3`, `go1.28rc1`, or a word around it.
pub(super) fn is_version(word: &str) -> bool {
    let numbers = word.strip_prefix("go").unwrap_or(word);
    let numbers =
        ["rc", "beta", "-rc."].iter().fold(numbers.to_owned(), |all, mark| all.replacen(mark, ".", 1));
    is_word(word) || numbers.split('.').all(|part| part.len() <= 4 && is_number(part))
}

/// Tells whether this is a time as RFC 3339 has it, of nothing but digits and their marks.
pub(super) fn is_time(text: &str) -> bool {
    let is_part = |char: char| char.is_ascii_digit() || "-:.+TZ".contains(char);
    text.len() <= 40 && text.starts_with(|char: char| char.is_ascii_digit()) && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_admit_no_word() {
        let forms = [
            is_word,
            is_go,
            is_step,
            is_of_command_line,
            is_system,
            is_here,
            is_address,
            is_version,
            is_time,
        ];
        for text in [
            "Zqx17",
            "0xZq",
            "1.27.Zq",
            "go1.Zq",
            "127.Zq:1",
            "2026-Zq",
            "linux/Zq",
            "--Zq",
            "standard input Zq",
        ] {
            assert!(forms.iter().all(|is| !is(text)), "{text}");
        }
        for (is, text) in [
            (is_word as fn(&str) -> bool, "data breakpoint"),
            (is_step, "127.0.0.1:4711"),
            (is_here, "[::1]:5"),
            (is_address, "0xc000012345"),
            (is_version, "go1.28rc1"),
            (is_version, "1.27.1"),
            (is_time, "2026-11-24T09:12:44.041873Z"),
            (is_system, "linux/x86_64"),
        ] {
            assert!(is(text), "{text}");
        }
        assert_eq!((extension("/a/b.go"), extension("/a/b.Zqx")), (".go", ""));
    }
}
