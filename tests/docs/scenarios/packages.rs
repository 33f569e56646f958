//! A release's archive, unpacked and installed.

use crate::pages::Block;
use crate::play;
use crate::stage::Stage;

/// An archive as a release has it, of the program that is tested, and its sum.
const ARCHIVE: &str = "mkdir dlvgate-0.1.0-here && cp \"$(command -v dlvgate)\" dlvgate-0.1.0-here/
tar -czf dlvgate-0.1.0-here.tar.gz dlvgate-0.1.0-here && rm -r dlvgate-0.1.0-here
sha256sum -- *.tar.gz > SHA256SUMS";

/// Checks that the archive's program is installed, and runs.
pub fn unpacked(stage: &Stage, block: &Block) {
    stage.run("mount -t tmpfs -o mode=755 tmpfs /usr/local/bin");
    stage.run(ARCHIVE);
    let said = play::as_printed(stage, block).concat();
    stage.run("cmp \"$(command -v dlvgate)\" /usr/local/bin/dlvgate && /usr/local/bin/dlvgate --version");
    if block.text.contains("dlvgate demo") {
        assert!(said.contains("event stopped") && said.contains("refuses connections"), "{said}");
    }
}
