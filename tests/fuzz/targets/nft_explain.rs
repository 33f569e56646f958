//! nftables' rulesets as nft prints them: an answer is given whatever they hold, and a rule that is
//! not understood never makes another answer certain.
#![no_main]

use dlvgate::firewall::nftables::explain::{LOOPBACK, LoadedNft, NftListings, explain};
use dlvgate_fuzz::question::{agree, questions};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Replaces the first rule's statements by one that is not understood.
fn doubtful(json: &str) -> Option<String> {
    let mut document: Value = serde_json::from_str(json).ok()?;
    let rule =
        document.get_mut("nftables")?.as_array_mut()?.iter_mut().find_map(|object| object.get_mut("rule"))?;
    *rule.get_mut("expr")? = json!([{"frobnicate": null}]);
    Some(document.to_string())
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // JSON on the first line, then the same as text.
    let (json, text) = text.split_once('\n').unwrap_or((text, ""));
    let listings = NftListings { json: json.to_owned(), text: text.to_owned(), legacy: Vec::new() };
    let Ok(loaded) = LoadedNft::parse(&listings) else { return };
    let other = doubtful(json).and_then(|json| LoadedNft::parse(&NftListings { json, ..listings }).ok());
    for question in questions(LOOPBACK) {
        let answer = explain(&loaded, &question);
        assert!(!answer.to_string().is_empty() && serde_json::to_string(&answer).is_ok());
        if let Some(other) = &other {
            let doubtful = explain(other, &question);
            assert!(agree(answer.verdict, doubtful.verdict), "{answer}\n{doubtful}");
        }
    }
});
