//! An object whose members keep their order and text, and whose keys are Go's.

use crate::json::members::{self, Member};

/// The members of an object. Inserted members are written by serde, all others as they came.
#[derive(Default)]
pub(super) struct Members<'a>(Vec<One<'a>>);

enum One<'a> {
    Own(Member<'a>),
    Put { key: String, value: Vec<u8> },
}

impl One<'_> {
    fn is(&self, key: &str) -> bool {
        match self {
            One::Own(member) => member.is(key),
            One::Put { key: own, .. } => members::is_same_key(own, key),
        }
    }
}

impl<'a> Members<'a> {
    /// `None` where Go takes no object from these bytes.
    pub(super) fn of(object: &'a [u8]) -> Option<Members<'a>> {
        members::of(object).map(|members| Members(members.into_iter().map(One::Own).collect()))
    }

    /// The value that Go takes for this key into a raw message: the last.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().rfind(|one| one.is(key)).map(|one| match one {
            One::Own(member) => member.value,
            One::Put { value, .. } => value,
        })
    }

    /// How often the key comes.
    pub(super) fn count(&self, key: &str) -> usize {
        self.0.iter().filter(|one| one.is(key)).count()
    }

    /// Of a key that came several times none is left but this.
    pub(super) fn put(&mut self, key: &str, value: Vec<u8>) {
        let mut is_first = true;
        self.0.retain(|one| !one.is(key) || std::mem::take(&mut is_first));
        let put = One::Put { key: key.to_owned(), value };
        match self.0.iter_mut().find(|one| one.is(key)) {
            Some(old) => *old = put,
            None => self.0.push(put),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut out = vec![b'{'];
        for (at, one) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match one {
                One::Own(member) => member.write(&mut out),
                One::Put { key, value } => {
                    out.extend_from_slice(serde_json::Value::from(key.as_str()).to_string().as_bytes());
                    out.push(b':');
                    out.extend_from_slice(value);
                }
            }
        }
        out.push(b'}');
        out
    }
}
