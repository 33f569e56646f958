//! The page of a recording, looked at in headless Chromium.

use std::path::Path;
use std::process::Command;

use dlvgate_test_support::paths::repository;
use dlvgate_test_support::toolchain::Pair;
use serde_json::Value;

/// Opens a page, tries all that it can do, and gives what was measured.
pub fn look(page: &Path) -> Value {
    let script = repository().join("tests/clients/page/page.mjs");
    let output = Command::new("node").arg(script).arg(page).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let seen: Value = serde_json::from_str(said.trim())
        .unwrap_or_else(|_| panic!("{said} {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(seen["ok"], true, "{seen}");
    seen
}

#[test]
fn a_recorded_session_is_a_page_in_both_protocols() {
    let folder = tempfile::tempdir().unwrap();
    for session in ["dlv-1.27/debug", "dlv-1.20/wrong-requests", "dlv-1.20/goland"] {
        let recording = repository().join(format!("fixtures/sessions/{session}.jsonl"));
        let page = folder.path().join("page.html");
        let status = Command::new(env!("CARGO_BIN_EXE_dlvgate"))
            .arg("show")
            .args(["--html", "--force", "-o"])
            .arg(&page)
            .arg(recording)
            .status();
        assert!(status.unwrap().success());
        look(&page);
    }
}

fn show(words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dlvgate")).arg("show").args(words).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn show_writes_over_no_recording() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.27/debug.jsonl");
    let (one, other, page) = (at("a.jsonl"), at("b.jsonl"), at("page.html"));
    for file in [&one, &other] {
        std::fs::copy(recording, file).unwrap();
    }
    let recorded = std::fs::read(recording).unwrap();
    // What the shell makes of `show --html *.jsonl`, and of the same with a name that is taken.
    for (words, code, said) in [
        (&["--html", &one, &other][..], 2, "-o session.html"),
        (&["--html", &one], 2, "-o session.html"),
        (&["--html", "-o", &page, &one, &other], 2, "-o session.html"),
        (&["--html", "-o", &one, &other], 1, "--force"),
        (&["--html", "--force", "-o", &one, &one], 1, "is the input"),
        (&["--redact", &one, "--yes", &other], 1, "--force"),
        (&["--redact", &one, "--yes", "--force", &one], 1, "is the input"),
        (&["--force", &one], 2, "--html"),
        (&["-o", &page, &one], 2, "--html"),
    ] {
        let (ended, stderr) = show(words);
        assert_eq!(ended, Some(code), "{words:?}: {stderr}");
        assert!(stderr.contains(said), "{words:?}: {stderr}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "{words:?}");
        for file in [&one, &other] {
            assert!(std::fs::read(file).unwrap() == recorded, "{words:?}: {file} is another");
        }
    }
    for again in [&[][..], &["--force"]] {
        assert_eq!(show(&[&["--html", "-o", &page, &one], again].concat()).0, Some(0));
    }
}

#[test]
fn demo_keeps_what_is_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let names = || {
        let all = std::fs::read_dir(folder.path()).unwrap().flatten();
        let mut all: Vec<String> = all.map(|one| one.file_name().to_string_lossy().into_owned()).collect();
        all.sort();
        all
    };
    // Another's recording, which no demo may take for its own.
    std::fs::write(folder.path().join("zzz.jsonl"), "mine").unwrap();
    let dlv = Pair::any();
    for count in [3, 5] {
        let mut demo = dlv.command(env!("CARGO_BIN_EXE_dlvgate"));
        demo.args(["demo", "--firewall", "off", "--dlv"]).arg(&dlv.dlv).arg("--out").arg(folder.path());
        let output = demo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(names().len(), count, "a recording and a page more: {:?}", names());
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("zzz.jsonl")).unwrap(), "mine");
}
