//! GoLand's folders, and the link that stands in dlv's place.

use std::fs;

use crate::pages::Block;
use crate::play;
use crate::stage::Stage;

/// The link says the real dlv's version.
pub fn link(stage: &Stage, block: &Block) {
    let said = play::as_printed(stage, block);
    let real = stage.run(&format!("'{}' version", stage.pair.dlv.display()));
    assert!(real.contains("Version:"), "{real}");
    assert_eq!(said.last(), Some(&real));
}

/// A dlv where the Toolbox App puts it is found, although other folders are not there.
pub fn find(stage: &Stage, block: &Block) {
    let dlv =
        stage.home().join(".local/share/JetBrains/Toolbox/apps/goland/plugins/go-plugin/lib/dlv/linux/dlv");
    fs::create_dir_all(dlv.parent().expect("a folder")).unwrap();
    fs::write(&dlv, "").unwrap();
    for command in block.commands() {
        let ended = stage.start(&command).ended();
        assert!(ended.stdout.lines().any(|line| dlv.as_os_str() == line), "{ended:?}");
    }
}
