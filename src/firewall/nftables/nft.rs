//! Running `nft(8)`: one call, its answer, or a typed failure.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use super::error::NftError;
use super::gate::of_table;
use super::listing::{Listing, NftTable};
use super::tables::{self, TableName};
use crate::firewall::command::{LIMIT, NoAnswer, call};

/// Where distributions have it. Never looked up in PATH: it is run as root.
const PLACES: [&str; 2] = ["/usr/sbin/nft", "/sbin/nft"];

/// How often a listing that is not understood is asked for again.
const LISTING_TRIES: usize = 3;

/// Numbers instead of names, so that the listing can be compared with the loaded rules.
const LIST: [&str; 4] = ["-n", "-j", "list", "ruleset"];

/// The same without the elements of sets, which are most of it where others have large ones.
const LIST_WITHOUT_ELEMENTS: [&str; 5] = ["-n", "-j", "-t", "list", "ruleset"];

/// To list a table of others takes nft as long as to list so many gates with the rest.
const GATES_FOR_A_TABLE: usize = 2;

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

    /// The ruleset as it is now, without the elements of sets; of gates, where there are many,
    /// their names alone.
    pub(super) async fn list(&self) -> Result<Listing, NftError> {
        let (gates, others): (Vec<_>, Vec<_>) =
            tables::names().unwrap_or_default().into_iter().partition(|(_, name)| of_table(name).is_some());
        if gates.len() < GATES_FOR_A_TABLE * others.len().max(1) || !others.iter().all(is_plain) {
            return self.listing(&LIST_WITHOUT_ELEMENTS).await;
        }
        let mut listing = Listing::default();
        for (family, name) in &others {
            match self.listing(&["-n", "-j", "-t", "list", "table", family, name]).await {
                Ok(listed) => listing.add(listed),
                Err(error) if error.is_stale() => {} // it went meanwhile
                // Such as for a name that is a word of nft's own.
                Err(_) => return self.listing(&LIST_WITHOUT_ELEMENTS).await,
            }
        }
        gates.into_iter().for_each(|(family, name)| listing.add_name(family, name));
        Ok(listing)
    }

    /// The same, with all of these tables of family `inet`.
    pub(super) async fn list_with(&self, of: impl Fn(&str) -> bool) -> Result<Listing, NftError> {
        let mut listing = self.list().await?;
        let wanted = |table: &&NftTable| table.family == "inet" && of(&table.name);
        let tables: Vec<String> =
            listing.tables.iter().filter(wanted).map(|table| table.name.clone()).collect();
        for table in tables {
            listing.take_out("inet", &table);
            match self.listing(&["-n", "-j", "list", "table", "inet", &table]).await {
                Err(error) if error.is_stale() => {} // it went meanwhile
                listed => listing.add(listed?),
            }
        }
        Ok(listing)
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

    /// nft that is caught by another program's change may print half a ruleset, or nothing, and
    /// exit with 0.
    async fn listing(&self, arguments: &[&str]) -> Result<Listing, NftError> {
        let mut tries = 1;
        loop {
            match Listing::parse(&self.print(arguments).await?) {
                Err(_) if tries < LISTING_TRIES => tries += 1,
                listing => return listing.map_err(|error| NftError::Unreadable { said: error.to_string() }),
            }
        }
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
        let mut command = Command::new(&self.path);
        command.args(arguments);
        let output = call(command, |_| Ok(()), stdin).await.map_err(|why| match why {
            NoAnswer::NotRun(said) | NoAnswer::NotNoted(said) => {
                NftError::NoNft { path: self.path.clone(), said }
            }
            NoAnswer::Hangs => NftError::Hangs { arguments: arguments.join(" "), limit: LIMIT },
        })?;
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
    /// Whether the ruleset changed between our two calls, so that what was listed no longer exists.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self, NftError::Failed { said, .. } if said.contains("No such file or directory"))
    }
}

/// Whether nft takes the name for one word, whatever else it might say to it.
fn is_plain((_, name): &TableName) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.'))
}

fn is_refusal(said: &str) -> bool {
    said.contains("Operation not permitted")
}

fn one_line(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}
