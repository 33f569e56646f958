//! A JSON object as a parser that knows nothing of ours reads it: its members in order, the first
//! of equal keys first.

use serde_json::Value;
use serde_json::value::RawValue;

/// The members of an object, their values as they were written.
#[derive(Debug)]
pub struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// `None` if `body` is not a JSON object.
    pub fn of(body: &[u8]) -> Option<Members> {
        let _: Value = serde_json::from_slice(body).ok()?;
        serde_json::from_slice::<Pairs>(body).ok().map(|pairs| Members(pairs.0))
    }

    /// The text of a value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == key).map(|(_, value)| value.get())
    }

    /// Which member it is, counted from 0.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|(own, _)| own == key)
    }

    /// A value that is a string.
    pub fn string(&self, key: &str) -> Option<String> {
        self.get(key).and_then(|raw| serde_json::from_str(raw).ok())
    }

    /// A value that is written as an integer.
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.get(key).and_then(|raw| raw.parse().ok())
    }
}

struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
