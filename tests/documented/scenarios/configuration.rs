//! Settings.

use std::fs;

use serde_json::Value;

use crate::pages::Block;
use crate::play;
use crate::stage::Stage;

/// What is in force is shown, and the example is a file that is taken.
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
