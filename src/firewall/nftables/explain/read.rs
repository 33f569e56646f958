//! Asking nft for the ruleset.

use std::fs;
use std::path::PathBuf;

use super::loaded::NftListings;
use crate::firewall::nftables::{Nft, NftError};

/// Where Linux says which tables of iptables-legacy are in use.
const LEGACY: [(&str, &str); 2] =
    [("iptables", "/proc/net/ip_tables_names"), ("ip6tables", "/proc/net/ip6_tables_names")];

/// Reads everything that [`super::LoadedNft`] is made of. Nothing is changed.
///
/// # Errors
/// If nft is missing, hangs, refuses us or fails.
pub async fn read(nft: PathBuf) -> Result<NftListings, NftError> {
    let nft = Nft::new(nft);
    let json = nft.json().await?;
    let text = nft.text().await?;
    Ok(NftListings { json, text, legacy: legacy() })
}

/// Where nothing can be read there is no such table, or no right to know: nft's own refusal came
/// before.
fn legacy() -> Vec<String> {
    let tables = |(program, path)| {
        let names = fs::read_to_string(path).unwrap_or_default();
        names.lines().map(|name| format!("{program} {name}")).collect::<Vec<_>>()
    };
    LEGACY.into_iter().flat_map(tables).collect()
}
