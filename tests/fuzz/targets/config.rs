//! Configuration files: each key with its line, or the error of a line.
#![no_main]

use dlvgate::config::fuzzing::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let lines = text.matches('\n').count() + 1;
    match parse(text) {
        Ok(entries) => {
            let table: toml::Table = text.parse().expect("what is read is TOML");
            assert_eq!(entries.len(), table.len(), "every key, once");
            for entry in &entries {
                assert_eq!(table.get(&entry.key), Some(&entry.value));
                assert!((1..=lines).contains(&entry.line), "line {} of {lines}", entry.line);
            }
            assert!(entries.is_sorted_by_key(|entry| entry.line));
        }
        Err((line, said)) => {
            assert!(line.is_none_or(|line| (1..=lines).contains(&line)));
            assert!(!said.is_empty());
        }
    }
});
