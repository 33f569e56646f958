//! What doctor says of a machine on which all is well, and a front that can be reached.

use crate::pages::Block;
use crate::play;
use crate::stage::Stage;

/// Each ends with 0: nothing is in the way of this client.
pub fn healthy(stage: &Stage, block: &Block) {
    let front = stage.start("dlvgate serve --listen 192.0.2.1:2345 --allow 192.0.2.5 --allow 192.0.2.1");
    front.says("server listening at: ");
    for command in block.commands() {
        let said = play::one(stage, &command);
        match () {
            () if command.contains("--probe") => {
                assert!(said.contains("open") && said.contains("dlvgate is there"), "{said}")
            }
            () if command.contains("--json") => {
                let answer: serde_json::Value = serde_json::from_str(&said).expect("JSON");
                assert!(answer["findings"].as_array().is_some_and(|all| all.len() > 10), "{said}");
            }
            () => assert!(
                said.contains("checks in") && (said.contains("no problems") || said.contains(" 0 problems")),
                "{said}"
            ),
        }
    }
    assert_eq!(front.stop().code, Some(0));
}
