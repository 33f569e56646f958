use std::process::Command;

use super::{has, says};

#[test]
fn each_shell_s_completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = says(&["completions", shell]);
        for command in ["serve", "doctor", "firewall", "replay"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn bash_completes_commands_flags_and_values() {
    if !has("bash") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("dlvgate.bash");
    std::fs::write(&script, says(&["completions", "bash"])).unwrap();
    let complete = |words: &[&str]| {
        let line = words.join(" ");
        let bash = format!(
            "source {}; COMP_WORDS=({line}{}); COMP_CWORD={}; _dlvgate dlvgate '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            script.display(),
            if words.last() == Some(&"") { " ''" } else { "" },
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let output = Command::new("bash").args(["--norc", "-c", &bash]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete(&["dlvgate", "doc"]), "doctor");
    assert_eq!(complete(&["dlvgate", "doctor", "--prob"]), "--probe");
    assert_eq!(complete(&["dlvgate", "serve", "--firewall", "nf"]), "nftables");
    assert!(complete(&["dlvgate", "firewall", ""]).contains("explain"));
}
