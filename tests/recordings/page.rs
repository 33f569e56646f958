//! The page of a recording, looked at in headless Chromium.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Opens a page, tries all that it can do, and gives what was measured.
pub fn look(page: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/page/page.mjs");
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
        let recording =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/sessions/{session}.jsonl"));
        let page = folder.path().join("page.html");
        let status = Command::new(env!("CARGO_BIN_EXE_dlvgate"))
            .arg("show")
            .arg("--html")
            .arg(&page)
            .arg(recording)
            .status();
        assert!(status.unwrap().success());
        look(&page);
    }
}
