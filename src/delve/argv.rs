//! dlv's argument vector, and the flags of it that belong to dlvgate.

use std::ffi::OsString;

/// A flag after `--` that dlvgate needs for itself.
#[derive(Debug, thiserror::Error)]
#[error("`{flag}` after `--` is not for dlv here: {instead}")]
pub struct ForbiddenFlag {
    flag: String,
    instead: &'static str,
}

/// Flags that would take dlv's port or its ready line away from us, each with what to use instead.
const OURS: [(&str, &str); 4] = [
    ("--listen", "dlv's port is private to dlvgate; use `--listen` or `--dlv-port` before `--`"),
    ("-l", "dlv's port is private to dlvgate; use `--listen` or `--dlv-port` before `--`"),
    ("--client-addr", "dlvgate dials dlv itself; use `--listen` before `--`"),
    (
        "--log-dest",
        "dlv's log goes to dlvgate's standard error, and so does what `--log` writes; redirect that",
    ),
];

/// Checks the flags that the user wants passed on to `dlv dap`.
///
/// # Errors
/// Names the first one that dlvgate has to decide itself, or a word that is no flag where one is expected.
pub fn check_extra_flags(flags: &[OsString]) -> Result<(), ForbiddenFlag> {
    if let Some(first) = flags.first().map(|flag| flag.to_string_lossy()) {
        if !first.starts_with('-') {
            return Err(ForbiddenFlag {
                flag: first.into_owned(),
                instead: "what follows are flags of `dlv dap`, such as `--check-go-version=false` or `--log`; \
                          the program to debug is named in the client's launch request",
            });
        }
    }
    for flag in flags {
        let flag = flag.to_string_lossy();
        for (ours, instead) in OURS {
            let short = !ours.starts_with("--");
            let taken = flag == ours
                || (short && flag.starts_with(ours) && !flag.starts_with("--"))
                || (!short && flag.strip_prefix(ours).is_some_and(|rest| rest.starts_with('=')));
            if taken {
                return Err(ForbiddenFlag { flag: flag.into_owned(), instead });
            }
        }
    }
    Ok(())
}

/// `dlv dap` on a loopback port: 0 lets the system choose.
pub(super) fn dap(port: u16, extra: &[OsString]) -> Vec<OsString> {
    let mut argv: Vec<OsString> = vec!["dap".into(), format!("--listen=127.0.0.1:{port}").into()];
    argv.extend(extra.iter().cloned());
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: &[&str]) -> Result<(), ForbiddenFlag> {
        check_extra_flags(&flags.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn dlv_s_own_flags_pass() {
        assert!(
            check(&["--check-go-version=false", "--log", "--log-output", "dap", "--only-same-user=false"])
                .is_ok()
        );
    }

    #[test]
    fn flags_that_move_the_port_or_the_ready_line_are_refused_in_every_spelling() {
        for flags in [
            &["--listen=:1"][..],
            &["--listen", ":1"],
            &["-l", ":1"],
            &["-l:1"],
            &["--log", "--client-addr=:1"],
            &["--log-dest", "3"],
        ] {
            assert!(check(flags).is_err(), "{flags:?}");
        }
    }

    #[test]
    fn a_command_is_no_flag() {
        let refused = check(&["exec", "./bin"]).unwrap_err().to_string();
        assert!(refused.contains("`exec`") && refused.contains("launch request"), "{refused}");
    }
}
