//! Running `nft(8)`: one call, its answer, or a typed failure.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::error::NftError;
use super::listing::Listing;

/// Where distributions have it. Never looked up in PATH: it is run as root.
const PLACES: [&str; 2] = ["/usr/sbin/nft", "/sbin/nft"];

/// How long one call may take. nft answers in milliseconds, and a client is waiting for us meanwhile.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// Numbers instead of names, so that what is read back can be compared.
const LIST: [&str; 4] = ["-n", "-j", "list", "ruleset"];

const TEXT: [&str; 5] = ["-n", "-s", "-a", "list", "ruleset"];

/// Far less than the ruleset where there are large sets.
const TABLES: [&str; 4] = ["-n", "-j", "list", "tables"];

const LOAD: [&str; 3] = ["-j", "-f", "-"];

/// How to run it.
pub(in crate::firewall) struct Nft {
    path: PathBuf,
}

/// nft where this system has it, or where it would be.
pub fn find() -> PathBuf {
    let found = PLACES.into_iter().find(|place| Path::new(place).exists());
    PathBuf::from(found.unwrap_or(PLACES[0]))
}

impl Nft {
    pub(in crate::firewall) fn new(path: PathBuf) -> Nft {
        Nft { path }
    }

    pub(in crate::firewall) fn path(&self) -> &Path {
        &self.path
    }

    /// The whole ruleset as it is now.
    pub(super) async fn list(&self) -> Result<Listing, NftError> {
        self.listing(&LIST).await
    }

    /// The tables that there are: family and name of each.
    pub(in crate::firewall) async fn tables(&self) -> Result<Vec<(String, String)>, NftError> {
        let tables = self.listing(&TABLES).await?.tables;
        Ok(tables.into_iter().map(|table| (table.family, table.name)).collect())
    }

    /// The whole ruleset, as JSON.
    pub(in crate::firewall) async fn json(&self) -> Result<String, NftError> {
        self.print(&LIST).await
    }

    /// The whole ruleset with its handles, as text for people, without what counts up.
    pub(in crate::firewall) async fn text(&self) -> Result<String, NftError> {
        self.print(&TEXT).await
    }

    async fn listing(&self, arguments: &[&str]) -> Result<Listing, NftError> {
        let printed = self.print(arguments).await?;
        Listing::parse(&printed).map_err(|error| NftError::Unreadable { said: error.to_string() })
    }

    /// What a call prints that changes nothing.
    async fn print(&self, arguments: &[&str]) -> Result<String, NftError> {
        self.run(arguments, "").await.map_err(|error| match error {
            NftError::Failed { said, .. } if is_refusal(&said) => NftError::NotRoot { said },
            other => other,
        })
    }

    /// Applies all of these commands, or none.
    pub(in crate::firewall) async fn load(&self, commands: &Value) -> Result<(), NftError> {
        let loaded = self.run(&LOAD, &commands.to_string()).await;
        loaded.map(drop).map_err(|error| match error {
            // Without the privilege nothing could have been listed before.
            NftError::Failed { said, .. } if is_refusal(&said) => NftError::Owned { said },
            other => other,
        })
    }

    async fn run(&self, arguments: &[&str], stdin: &str) -> Result<String, NftError> {
        let no_nft = |said| NftError::NoNft { path: self.path.clone(), said };
        let mut child = Command::new(&self.path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0) // a terminal's Ctrl-C must not stop it half-way
            .kill_on_drop(true)
            .spawn()
            .map_err(no_nft)?;
        let pipe = child.stdin.take();
        let call = async {
            if let Some(mut pipe) = pipe {
                // An nft that ends without reading says why on standard error.
                let _ = pipe.write_all(stdin.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        let output = match tokio::time::timeout(CALL_LIMIT, call).await {
            Ok(output) => output.map_err(no_nft)?,
            Err(_) => return Err(NftError::Hangs { arguments: arguments.join(" "), limit: CALL_LIMIT }),
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = one_line(&String::from_utf8_lossy(&output.stderr));
        Err(NftError::Failed {
            arguments: arguments.join(" "),
            status: output.status.to_string(),
            said: if said.is_empty() { "it said nothing".to_owned() } else { said },
        })
    }
}

impl NftError {
    /// What was listed is not there any more: somebody changed the ruleset between our two calls.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self, NftError::Failed { said, .. } if said.contains("No such file or directory"))
    }
}

fn is_refusal(said: &str) -> bool {
    said.contains("Operation not permitted")
}

fn one_line(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}
