//! Path rules: read as they are written, whole components only, and back again to the same name.
#![no_main]

use dlvgate_protocol::paths::{PathRule, PathRules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // Rules, a line each; the last line is a path.
    let (rules, path) = text.rsplit_once('\n').unwrap_or(("", text));
    let rules: Vec<PathRule> = rules.lines().filter_map(|line| line.parse().ok()).collect();
    for rule in &rules {
        assert_eq!(rule.to_string().parse::<PathRule>().as_ref(), Ok(rule));
    }
    let all = PathRules::new(rules.clone());
    let mapped = all.to_server(path);
    // The first rule that fits is the one that decides.
    let one_by_one = rules.iter().find_map(|rule| PathRules::new(vec![rule.clone()]).to_server(path));
    assert_eq!(mapped, one_by_one);
    all.to_client(path);
    if let Some(mapped) = &mapped {
        assert!(mapped.len() <= path.len() + rules.iter().map(|rule| rule.server.len()).max().unwrap_or(0));
    }
    // Where neither side is one of Windows nor ends with a separator, a name comes back as it was.
    for rule in rules.iter().filter(|rule| is_plain(&rule.client) && is_plain(&rule.server)) {
        let one = PathRules::new(vec![rule.clone()]);
        if let Some(server) = one.to_server(path) {
            assert_eq!(one.to_client(&server).as_deref(), Some(path), "{rule} and {path}");
        }
    }
});

fn is_plain(path: &str) -> bool {
    !path.ends_with('/') && !path.contains(['\\', ':'])
}
