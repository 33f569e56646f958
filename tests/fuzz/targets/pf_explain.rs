//! pf's rulesets as pfctl prints them: an answer is given whatever they hold, and a rule that is
//! not understood never makes another answer certain.
#![no_main]

use dlvgate::firewall::pf::explain::{LOOPBACK, LoadedPf, PfctlListings, Services, explain};
use dlvgate_fuzz::question::{agree, questions};
use libfuzzer_sys::fuzz_target;

/// Sections begin with a line that names them: `= rules PATH`, `= nat PATH`, `= table PATH NAME`,
/// `= states`, `= interfaces`.
fn listings(text: &str) -> PfctlListings {
    let mut listings =
        PfctlListings { info: "Status: Enabled for 0 days\n".to_owned(), ..PfctlListings::default() };
    listings.rules.insert(String::new(), Some(String::new()));
    for section in text.split("\n= ") {
        let (head, body) = section.split_once('\n').unwrap_or((section, ""));
        let body = body.to_owned();
        let mut words = head.trim_start_matches("= ").split(' ');
        let (kind, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        match kind {
            "info" => listings.info = body,
            "rules" => drop(listings.rules.insert(path, Some(body))),
            "unread" => drop(listings.rules.insert(path, None)),
            "nat" => drop(listings.translation.insert(path, body)),
            "table" => {
                let name = words.next().unwrap_or_default().to_owned();
                drop(listings.tables.insert((path, name), body));
            }
            "states" => listings.states = Some(body),
            "interfaces" => listings.interfaces = Some(body),
            _ => {}
        }
    }
    listings
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let services = Services::parse("ssh 22/tcp\ndbm 2345/tcp\n");
    let listings = listings(text);
    let loaded = LoadedPf::parse(&listings, &services);
    // Replace the first rule of the main ruleset by one that is not understood.
    let mut other = listings.clone();
    let main = other.rules.get_mut("").and_then(Option::as_mut);
    if let Some(main) = main.filter(|main| !main.contains(['{', '}'])) {
        let first =
            main.lines().find(|line| ["pass ", "block "].iter().any(|word| line.trim().starts_with(word)));
        if let Some(first) = first.map(str::to_owned) {
            *main = main.replacen(&first, "frobnicate everything", 1);
        }
    }
    let other = LoadedPf::parse(&other, &services);
    for question in questions(LOOPBACK) {
        let answer = explain(&loaded, &question);
        assert!(!answer.to_string().is_empty() && serde_json::to_string(&answer).is_ok());
        let doubtful = explain(&other, &question);
        assert!(agree(answer.verdict, doubtful.verdict), "{answer}\n{doubtful}");
    }
});
