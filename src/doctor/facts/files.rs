//! Reading programs and profiles without running them.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::doctor::finding::{Remedy, quoted, quoted_path};

/// Bytes of a profile that are read; people's are a few kilobytes.
const PROFILE_LIMIT: u64 = 1024 * 1024;

/// Whether it can be run.
pub(in crate::doctor) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The processors that a program is for: its ELF header's or Mach-O header's (several in a
/// universal binary). Nothing where it is neither, such as a script.
pub(in crate::doctor) fn architectures(path: &Path) -> Vec<&'static str> {
    let mut head = Vec::new();
    let Ok(file) = File::open(path) else { return head_of(&head) };
    let _ = file.take(256).read_to_end(&mut head);
    head_of(&head)
}

fn head_of(head: &[u8]) -> Vec<&'static str> {
    let word = |at: usize| head.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
    match word(0) {
        // elf(5): e_machine, in the file's own byte order.
        Some([0x7f, b'E', b'L', b'F']) => match (head.get(18), head.get(19)) {
            (Some(62), Some(0)) => vec!["x86_64"],
            (Some(183), Some(0)) => vec!["arm64"],
            _ => vec!["another processor"],
        },
        // <mach-o/loader.h>: MH_MAGIC_64, then cputype.
        Some([0xcf, 0xfa, 0xed, 0xfe]) => {
            word(4).map(|cpu| cpu_of(u32::from_le_bytes(cpu))).into_iter().collect()
        }
        // <mach-o/fat.h>: FAT_MAGIC, the number, then 20 bytes each, big-endian.
        Some([0xca, 0xfe, 0xba, 0xbe]) => {
            let count = word(4).map_or(0, u32::from_be_bytes).min(8) as usize;
            (0..count)
                .filter_map(|each| word(8 + each * 20))
                .map(|cpu| cpu_of(u32::from_be_bytes(cpu)))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn cpu_of(number: u32) -> &'static str {
    match number {
        0x0100_0007 => "x86_64",
        0x0100_000c => "arm64",
        _ => "another processor",
    }
}

/// A line of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct ProfileLine {
    pub(in crate::doctor) file: PathBuf,
    /// From 1 on.
    pub(in crate::doctor) number: usize,
    pub(in crate::doctor) value: String,
}

impl ProfileLine {
    pub(in crate::doctor) fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.number)
    }
}

/// What shells read when they start, below the home folder, and for all users.
fn profiles(home: &Path) -> Vec<PathBuf> {
    let own = [
        ".profile",
        ".bash_profile",
        ".bash_login",
        ".bashrc",
        ".zshenv",
        ".zprofile",
        ".zshrc",
        ".zlogin",
        ".config/fish/config.fish",
    ];
    let of_all = ["/etc/profile", "/etc/environment", "/etc/zprofile", "/etc/zshenv", "/etc/bash.bashrc"];
    own.iter().map(|name| home.join(name)).chain(of_all.iter().map(PathBuf::from)).collect()
}

/// The lines of profiles that set a variable: `NAME=…`, `export NAME=…`, `set -gx NAME …`.
pub(in crate::doctor) fn assignments(home: &Path, name: &str) -> Vec<ProfileLine> {
    let mut found = Vec::new();
    for file in profiles(home) {
        let text = read(&file);
        for (number, line) in text.lines().enumerate() {
            if let Some(value) = assigned(line, name) {
                found.push(ProfileLine { file: file.clone(), number: number + 1, value });
            }
        }
    }
    found
}

fn read(file: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(file) = File::open(file) {
        let _ = file.take(PROFILE_LIMIT).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn assigned(line: &str, name: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let mut rest = line.trim();
    let first = words.next()?;
    if first == "set" {
        let value: Vec<&str> = words.skip_while(|word| word.starts_with('-')).collect();
        let (found, value) = value.split_first()?;
        return (*found == name).then(|| value.join(" "));
    }
    if matches!(first, "export" | "typeset" | "declare") {
        rest = rest[first.len()..].trim_start();
    }
    let value = rest.strip_prefix(name)?.strip_prefix('=')?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

/// The first line of the user's own profiles that ends the shell, or puts another program in its
/// place.
pub(in crate::doctor) fn leaving(home: &Path) -> Option<(PathBuf, usize)> {
    let own = profiles(home).into_iter().filter(|file| file.starts_with(home));
    own.into_iter().find_map(|file| {
        let leaves = |line: &str| matches!(line.split_whitespace().next(), Some("exit" | "exec" | "logout"));
        let number = read(&file).lines().position(leaves)?;
        Some((file, number + 1))
    })
}

/// Turns a line of a profile into a comment; the file as it was stays beside it.
pub(in crate::doctor) fn comment_out(file: &Path, number: usize) -> Remedy {
    edit("", file, &format!("{number}s/^/# /"), number)
}

/// Edits a file with sed. The file as it was stays beside it, under a name of its own: a second
/// edit, or one of a later run, must not write over what the first has kept.
pub(in crate::doctor) fn edit(
    sudo: &str,
    file: impl AsRef<Path>,
    script: &str,
    mark: impl Display,
) -> Remedy {
    let file = file.as_ref();
    let suffix = format!(".before-dlvgate-{mark}");
    let mut kept = file.as_os_str().to_owned();
    kept.push(&suffix);
    let (name, kept) = (quoted_path(file), quoted_path(Path::new(&kept)));
    Remedy {
        // Both GNU's and BSD's sed take a suffix that follows at once.
        command: format!("{sudo}test ! -e {kept} && {sudo}sed -i{suffix} {} {name}", quoted(script)),
        undo: Some(format!("{sudo}mv {kept} {name}")),
    }
}

/// Removes files' own lines that set a variable, the user's own only.
pub(in crate::doctor) fn without(home: &Path, name: &str, is_wrong: impl Fn(&str) -> bool) -> Vec<Remedy> {
    let own = |line: &ProfileLine| line.file.starts_with(home) && is_wrong(&line.value);
    let lines = assignments(home, name).into_iter().filter(own);
    lines.map(|line| comment_out(&line.file, line.number)).collect()
}

/// Returns the file's owner.
pub(in crate::doctor) fn owner(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|meta| meta.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::tests::HOSTILE;

    #[test]
    fn edits_of_one_file_are_each_undone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my profile");
        let sh = |command: &str| {
            std::process::Command::new("/bin/sh").args(["-c", command]).status().unwrap().success()
        };
        let (original, text) = ("a\nb\nc\n", || fs::read_to_string(&file).unwrap());
        fs::write(&file, original).unwrap();
        let remedies = [1, 3].map(|number| comment_out(&file, number));
        assert!(remedies.iter().all(|remedy| sh(&remedy.command)));
        assert_eq!(text(), "# a\nb\n# c\n");
        // A second time the kept copy would no longer be the original.
        assert!(!sh(&remedies[0].command) && text() == "# a\nb\n# c\n");
        assert!(remedies.iter().rev().all(|remedy| sh(remedy.undo.as_deref().unwrap())));
        assert_eq!(text(), original);
    }

    #[test]
    fn hostile_file_is_edited_and_undone() {
        let folder = tempfile::tempdir().unwrap();
        for name in HOSTILE {
            for file in [folder.path().join(name), PathBuf::from(name)] {
                let sh = |command: &str| {
                    let mut sh = std::process::Command::new("/bin/sh");
                    sh.args(["-c", command]).current_dir(folder.path()).status().unwrap().success()
                };
                let there = folder.path().join(name);
                fs::write(&there, "a\nb\n").unwrap();
                let Remedy { command, undo } = comment_out(&file, 2);
                assert!(sh(&command), "{command}");
                assert_eq!(fs::read_to_string(&there).unwrap(), "a\n# b\n", "{command}");
                assert!(sh(&undo.unwrap()), "{command}");
                assert_eq!(fs::read_to_string(&there).unwrap(), "a\nb\n", "{command}");
            }
        }
        assert!(!folder.path().join("pwned").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), HOSTILE.len());
    }

    #[test]
    fn a_programs_processor_is_in_its_head() {
        let mut elf = vec![0x7f, b'E', b'L', b'F'];
        elf.resize(20, 0);
        elf[18] = 183;
        assert_eq!(head_of(&elf), ["arm64"]);
        assert_eq!(head_of(&[0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]), ["x86_64"]);
        let mut fat = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2];
        fat.extend([1, 0, 0, 7].iter().chain(&[0; 16]).chain(&[1, 0, 0, 12]).chain(&[0; 16]));
        assert_eq!(head_of(&fat), ["x86_64", "arm64"]);
        assert!(head_of(b"#!/bin/sh\n").is_empty() && head_of(b"").is_empty());
        assert_eq!(architectures(&std::env::current_exe().unwrap()).len(), 1);
    }

    #[test]
    fn assignments_are_found_in_every_shell_s_words() {
        assert_eq!(assigned("  export GOROOT=\"/opt/go\"", "GOROOT").unwrap(), "/opt/go");
        assert_eq!(assigned("GOROOT=/opt/go", "GOROOT").unwrap(), "/opt/go");
        assert_eq!(assigned("set -gx GOROOT /opt/go", "GOROOT").unwrap(), "/opt/go");
        assert_eq!(assigned("# export GOROOT=/opt/go", "GOROOT"), None);
        assert_eq!(assigned("export GOROOT_FINAL=/opt/go", "GOROOT"), None);
        assert_eq!(assigned("echo GOROOT=/x", "GOROOT"), None);
    }
}
