//! Faults that a test asks for.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use crate::store::Store;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Changes nothing, exits with `exit`.
    Fail,
    /// Never answers.
    Hang,
    /// Answers as if it had done it.
    Lie,
    /// Does it, with `text` on stderr.
    Stderr,
    /// Does it `ms` milliseconds late.
    Delay,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Every one of these is an argument of the invocation.
    #[serde(rename = "match", default)]
    pub arguments: Vec<String>,
    /// None of these is.
    #[serde(default)]
    pub unless: Vec<String>,
    /// So many matching invocations go free first.
    #[serde(default)]
    pub skip: u64,
    /// So many are hit after that; without it, all.
    #[serde(default)]
    pub times: Option<u64>,
    pub action: Kind,
    #[serde(default)]
    pub text: String,
    #[serde(default = "one")]
    pub exit: i32,
    #[serde(default)]
    pub ms: u64,
    /// `fail` and `hang` come after the change was made: the kernel has done it, the caller is not
    /// told.
    #[serde(default)]
    pub after: bool,
}

fn one() -> i32 {
    1
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    One(Fault),
    Many(Vec<Fault>),
}

/// How often each fault has matched, for as long as the file stays the same.
#[derive(Default, Serialize, Deserialize)]
struct Hits {
    of: String,
    counts: BTreeMap<usize, u64>,
}

impl Fault {
    fn matches(&self, argv: &[String]) -> bool {
        self.arguments.iter().all(|a| argv.contains(a)) && !self.unless.iter().any(|a| argv.contains(a))
    }
}

/// The first fault that hits this invocation. Counts it.
pub fn find(store: &Store, env: Option<&str>, argv: &[String]) -> io::Result<Option<Fault>> {
    let Some(text) = store.read("faults.json")?.or(env.map(str::to_owned)) else { return Ok(None) };
    let faults = match serde_json::from_str(&text)? {
        File::One(fault) => vec![fault],
        File::Many(faults) => faults,
    };
    let mut hits: Hits = match store.read("faults-hits.json")? {
        Some(text) => serde_json::from_str(&text)?,
        None => Hits::default(),
    };
    if hits.of != text {
        hits = Hits { of: text, counts: BTreeMap::new() };
    }
    let mut found = None;
    for (index, fault) in faults.into_iter().enumerate().filter(|(_, f)| f.matches(argv)) {
        let count = hits.counts.entry(index).or_default();
        *count += 1;
        let past_skip = *count > fault.skip;
        let spent = fault.times.is_some_and(|times| *count > fault.skip + times);
        if found.is_none() && past_skip && !spent {
            found = Some(fault);
        }
    }
    store.replace("faults-hits.json", &serde_json::to_string(&hits)?)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_spares_the_first_ones_and_is_spent() {
        let folder = std::env::temp_dir().join(format!("standin-pfctl-faults-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(folder.clone()).unwrap();
        let text = r#"{"match":["-a","-f"],"unless":["-n"],"skip":1,"times":1,"action":"fail"}"#;
        let hit = |line: &str| {
            let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            find(&store, Some(text), &argv).unwrap().is_some()
        };
        assert!(!hit("-n -a x -f -"), "-n is spared, and not counted");
        assert!(!hit("-a x -f -"), "the first goes free");
        assert!(!hit("-a x -sr"), "another command");
        assert!(hit("-a x -f -"));
        assert!(!hit("-a x -f -"), "once is once");
        drop(store);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
