//! Settings.

use std::fs;

use serde_json::Value;

use crate::pages::{Block, without_comment};
use crate::play;
use crate::stage::Stage;

/// Checks that the settings in force are shown, and that the example is a valid file.
pub fn commands(stage: &Stage, block: &Block) {
    let file = stage.project().join("FILE");
    for command in block.commands() {
        let said = play::one(stage, &command);
        if command.contains("--json") {
            let _: Value = serde_json::from_str(&said).expect("JSON");
        }
        if command.contains("--example") {
            fs::write(&file, &said).unwrap();
        }
        assert!(command.contains(" serve") || said.contains("listen"), "{command}: {said}");
    }
    assert!(file.exists(), "--example comes before --config");
}

/// Checks that consents are listed and revoked.
pub fn trust(stage: &Stage, block: &Block) {
    fs::write(stage.project().join("dlvgate.toml"), "allow = [\"192.0.2.5\"]\n").unwrap();
    for command in block.commands() {
        let command = without_comment(&command);
        // There is no terminal to be asked on.
        let flag = if command.ends_with("trust") { " --yes" } else { "" };
        let said = play::one(stage, &format!("{command}{flag}"));
        assert_eq!(said.contains("dlvgate.toml"), command.contains("--list"), "{command}: {said}");
    }
}
