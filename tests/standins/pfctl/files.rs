//! The files that pfctl reads: `/etc/pf.conf` and its neighbours may be a test's own.

use std::fs;
use std::io;
use std::path::PathBuf;

/// macOS's `/etc/pf.conf`, its active lines.
const PF_CONF: &str = r#"scrub-anchor "com.apple/*"
nat-anchor "com.apple/*"
rdr-anchor "com.apple/*"
dummynet-anchor "com.apple/*"
anchor "com.apple/*"
load anchor "com.apple" from "/etc/pf.anchors/com.apple"
"#;

/// macOS's `/etc/pf.anchors/com.apple`.
const COM_APPLE: &str = r#"anchor "200.AirDrop/*"
anchor "250.ApplicationFirewall/*"
"#;

#[derive(Debug, Default)]
pub struct Files {
    /// Stands for `/etc`: `pf.conf`, `pf.anchors/…`.
    pub folder: Option<PathBuf>,
}

impl Files {
    pub fn read(&self, path: &str) -> io::Result<String> {
        let own = path
            .strip_prefix("/etc/")
            .or(path.strip_prefix("/private/etc/"))
            .filter(|p| p.starts_with("pf."));
        let Some(name) = own else { return fs::read_to_string(path) };
        let text = match &self.folder {
            Some(folder) => fs::read_to_string(folder.join(name)),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        match (text, name) {
            (Err(error), "pf.conf") if error.kind() == io::ErrorKind::NotFound => Ok(PF_CONF.to_owned()),
            (Err(error), "pf.anchors/com.apple") if error.kind() == io::ErrorKind::NotFound => {
                Ok(COM_APPLE.to_owned())
            }
            (text, _) => text,
        }
    }
}
