//! Asking pfctl for what pf holds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::loaded::PfctlListings;
use crate::firewall::pf::PfError;
use crate::firewall::pf::pfctl::Pfctl;

/// What pfctl says, with exit code 0, of an anchor or a table that has gone meanwhile.
const GONE: [&str; 3] = ["Invalid argument", "not found", "does not exist"];

/// Reads everything that [`super::LoadedPf`] is made of. Nothing is changed. The calls come one
/// after another: what others change meanwhile is seen in part.
///
/// # Errors
/// If pfctl is missing, hangs or refuses us, or the status or main ruleset cannot be had. What
/// else cannot be had is noted as such in the listings.
pub async fn read(pfctl: PathBuf) -> Result<PfctlListings, PfError> {
    let pfctl = ListingReader(Pfctl::new(pfctl));
    let mut listings = PfctlListings { info: pfctl.says(&["-s", "info"]).await?, ..PfctlListings::default() };
    let rules = Some(pfctl.says(&["-s", "rules"]).await?);
    // Without its tables an anchor cannot be evaluated.
    let tables_read = pfctl.tables(&mut listings.tables, "").await?;
    listings.rules.insert(String::new(), rules.filter(|_| tables_read));
    listings.translation.insert(String::new(), pfctl.says(&["-s", "nat"]).await?);
    let anchors = pfctl.says(&["-v", "-s", "Anchors"]).await?;
    for path in anchors.lines().map(str::trim).filter(|path| !path.is_empty()) {
        let rules = pfctl.tries(&["-a", path, "-s", "rules"]).await?;
        let tables_read = pfctl.tables(&mut listings.tables, path).await?;
        listings.rules.insert(path.to_owned(), rules.filter(|_| tables_read));
        let translation = pfctl.tries(&["-a", path, "-s", "nat"]).await?;
        listings.translation.insert(path.to_owned(), translation.unwrap_or_default());
    }
    listings.states = pfctl.tries(&["-s", "states"]).await?;
    listings.interfaces = pfctl.tries(&["-v", "-s", "Interfaces"]).await?;
    Ok(listings)
}

struct ListingReader(Pfctl);

impl ListingReader {
    /// The answer. pfctl exits 0 on some errors; what has gone since it was listed is as good as
    /// empty.
    async fn says(&self, arguments: &[&str]) -> Result<String, PfError> {
        let answer = self.0.run(arguments, "").await?;
        if answer.stderr.is_empty() || GONE.iter().any(|words| answer.stderr.contains(words)) {
            return Ok(answer.stdout);
        }
        Err(PfError::Failed {
            arguments: arguments.join(" "),
            status: "exit status 0, but it complains".to_owned(),
            said: answer.stderr,
        })
    }

    /// The answer, or `None` where pfctl has none.
    async fn tries(&self, arguments: &[&str]) -> Result<Option<String>, PfError> {
        match self.says(arguments).await {
            Ok(answer) => Ok(Some(answer)),
            Err(PfError::Failed { said, .. }) if GONE.iter().any(|words| said.contains(words)) => {
                Ok(Some(String::new()))
            }
            Err(PfError::Failed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the tables of an anchor. `false`: there may be some that could not be read.
    async fn tables(
        &self,
        tables: &mut BTreeMap<(String, String), String>,
        path: &str,
    ) -> Result<bool, PfError> {
        let within: &[&str] = if path.is_empty() { &[] } else { &["-a", path] };
        let Some(names) = self.tries(&[within, &["-s", "Tables"]].concat()).await? else { return Ok(false) };
        for name in names.lines().map(str::trim).filter(|name| !name.is_empty()) {
            let Some(text) = self.tries(&[within, &["-t", name, "-T", "show"]].concat()).await? else {
                return Ok(false);
            };
            tables.insert((path.to_owned(), name.to_owned()), text);
        }
        Ok(true)
    }
}
