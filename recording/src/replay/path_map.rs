//! The same files in two places: where they were when the session was recorded, and where they are
//! now.

use serde_json::Value;

/// Which folder is where, learned from pairs of paths that mean the same file.
#[derive(Clone, Debug, Default)]
pub(super) struct PathMap {
    /// Recorded and live, the longest first.
    pairs: Vec<(String, String)>,
}

impl PathMap {
    /// Both are the same file or folder.
    pub(super) fn learn(&mut self, recorded: &str, live: &str) {
        if recorded == live || !recorded.starts_with('/') || !live.starts_with('/') {
            return;
        }
        let (mut recorded, mut live) = (recorded.trim_end_matches('/'), live.trim_end_matches('/'));
        // What both end with says nothing about where they are.
        while let (Some((one, name)), Some((other, other_name))) =
            (recorded.rsplit_once('/'), live.rsplit_once('/'))
        {
            if name != other_name || one.is_empty() || other.is_empty() {
                break;
            }
            (recorded, live) = (one, other);
        }
        self.put(recorded, live);
    }

    /// Everything below this recorded folder, or this file, is there now.
    pub(super) fn put(&mut self, recorded: &str, live: &str) {
        if recorded != live {
            self.pairs.retain(|(known, _)| known != recorded);
            self.pairs.push((recorded.to_owned(), live.to_owned()));
            self.pairs.sort_by_key(|(recorded, _)| std::cmp::Reverse(recorded.len()));
        }
    }

    /// Walks over two values of the same shape and learns from each pair of paths.
    pub(super) fn learn_from(&mut self, recorded: &Value, live: &Value) {
        match (recorded, live) {
            (Value::String(recorded), Value::String(live)) => self.learn(recorded, live),
            (Value::Array(recorded), Value::Array(live)) => {
                recorded.iter().zip(live).for_each(|(recorded, live)| self.learn_from(recorded, live));
            }
            (Value::Object(recorded), Value::Object(live)) => {
                for (key, recorded) in recorded {
                    if let Some(live) = live.get(key) {
                        self.learn_from(recorded, live);
                    }
                }
            }
            _ => {}
        }
    }

    /// Puts live places for the recorded ones, wherever a text begins with one.
    pub(super) fn to_live(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let below = |folder: &str| {
                    let rest = text.strip_prefix(folder)?;
                    (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
                };
                let found = self.pairs.iter().find_map(|(recorded, live)| Some((below(recorded)?, live)));
                if let Some((rest, live)) = found {
                    *text = format!("{live}{rest}");
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.to_live(value)),
            Value::Object(members) => members.values_mut().for_each(|value| self.to_live(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn folders_are_learned_from_pairs_and_put_in_place() {
        let mut folders = PathMap::default();
        folders.learn_from(
            &json!({"program": "/rec/app/cmd/app", "cwd": "/rec/app", "stopOnEntry": true}),
            &json!({"program": "/home/me/work/app/cmd/app", "cwd": "/home/me/work/app"}),
        );
        let mut said = json!({"path": "/rec/app/main.go", "other": "/record/app", "lib": "/usr/lib/go/x.go"});
        folders.to_live(&mut said);
        assert_eq!(
            said,
            json!({"path": "/home/me/work/app/main.go", "other": "/record/app", "lib": "/usr/lib/go/x.go"})
        );
    }

    #[test]
    fn a_program_of_another_name_is_itself_alone() {
        let mut folders = PathMap::default();
        folders.learn("/rec/one", "/tmp/two");
        let mut said = json!(["/rec/one", "/rec/other"]);
        folders.to_live(&mut said);
        assert_eq!(said, json!(["/tmp/two", "/rec/other"]));
    }
}
