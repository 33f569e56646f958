//! File names on two sides: the client's machine has the sources elsewhere than dlv's.
//!
//! The rules work as Delve's own `substitutePath` (Delve, `pkg/locspec/locations.go`,
//! `SubstitutePath`): whole path components, the first rule that fits wins, and what fits none is
//! left as it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One folder, or file, under both of its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRule {
    /// Its name where the client runs.
    #[serde(rename = "from")]
    pub client: String,
    /// Its name where dlv runs.
    #[serde(rename = "to")]
    pub server: String,
}

/// A rule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// No `=`.
    #[error("`{0}` has no `=`")]
    NoEquals(String),
    /// Nothing on one side.
    #[error("`{0}` has nothing on one side of `=`")]
    Empty(String),
}

/// Reads `CLIENT=SERVER`, with both names as they are: `/home/me/shop=/go/src/shop`.
impl FromStr for PathRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<PathRule, RuleError> {
        let (client, server) = text.split_once('=').ok_or_else(|| RuleError::NoEquals(text.to_owned()))?;
        if client.is_empty() || server.is_empty() {
            return Err(RuleError::Empty(text.to_owned()));
        }
        Ok(PathRule { client: client.to_owned(), server: server.to_owned() })
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.client, self.server)
    }
}

/// Rules in the order in which they are tried.
///
/// ```
/// use dlvgate_protocol::paths::{PathRule, PathRules};
///
/// let shop: PathRule = "/home/me/shop=/go/src/shop".parse()?;
/// let rules = PathRules::new(vec![shop]);
/// assert_eq!(rules.to_server("/home/me/shop/main.go").as_deref(), Some("/go/src/shop/main.go"));
/// assert_eq!(rules.to_client("/go/src/shop/main.go").as_deref(), Some("/home/me/shop/main.go"));
/// assert_eq!(rules.to_server("/home/me/shopping.go"), None);
/// # Ok::<(), dlvgate_protocol::paths::RuleError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathRules(Vec<PathRule>);

impl PathRules {
    /// These rules.
    pub fn new(rules: Vec<PathRule>) -> PathRules {
        PathRules(rules)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The client's name of a file as dlv knows it; `None` if no rule fits.
    pub fn to_server(&self, path: &str) -> Option<String> {
        self.0.iter().find_map(|rule| substitute(path, &rule.client, &rule.server))
    }

    /// dlv's name of a file as the client knows it; `None` if no rule fits.
    pub fn to_client(&self, path: &str) -> Option<String> {
        self.0.iter().find_map(|rule| substitute(path, &rule.server, &rule.client))
    }
}

/// Whether a path is one of Windows, where case does not matter and `\` separates.
fn is_windows(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with("\\\\") || (bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':')
}

fn substitute(path: &str, from: &str, to: &str) -> Option<String> {
    let windows = is_windows(from);
    let separates = |byte: u8| byte == b'/' || (windows && byte == b'\\');
    let bare = from.trim_end_matches(|c| c == '/' || (windows && c == '\\'));
    let head = path.get(..bare.len())?;
    if !(head == bare || (windows && head.eq_ignore_ascii_case(bare))) {
        return None;
    }
    let rest = &path[bare.len()..];
    match rest.bytes().next() {
        None => return Some(to.to_owned()),
        Some(first) if !separates(first) => return None,
        Some(_) => {}
    }
    let rest = match (windows, is_windows(to)) {
        (true, false) => rest.replace('\\', "/"),
        (false, true) => rest.replace('/', "\\"),
        _ => rest.to_owned(),
    };
    let to = if is_windows(to) { to.trim_end_matches(['/', '\\']) } else { to.trim_end_matches('/') };
    Some(format!("{to}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> PathRules {
        PathRules::new(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn first_rule_replaces_whole_components() {
        let rules = rules(&["/home/me/shop=/go/src/shop", "/home/me/=/elsewhere", "/go=/x"]);
        for (client, server) in [
            ("/home/me/shop/main.go", Some("/go/src/shop/main.go")),
            ("/home/me/shop", Some("/go/src/shop")),
            ("/home/me/shopping/main.go", Some("/elsewhere/shopping/main.go")),
            ("/home/men/main.go", None),
            ("/go/src/shop/main.go", Some("/x/src/shop/main.go")),
            ("main.go", None),
            ("", None),
        ] {
            assert_eq!(rules.to_server(client).as_deref(), server, "{client}");
        }
        assert_eq!(rules.to_client("/go/src/shop/a/b.go").as_deref(), Some("/home/me/shop/a/b.go"));
        assert_eq!(rules.to_client("/usr/lib/go/fmt.go"), None);
    }

    #[test]
    fn the_root_can_be_one_side() {
        let rules = rules(&["/=/src"]);
        assert_eq!(rules.to_server("/a.go").as_deref(), Some("/src/a.go"));
        assert_eq!(rules.to_client("/src/a.go").as_deref(), Some("/a.go"));
    }

    #[test]
    fn windows_paths_match_separators_without_case() {
        let rules = rules(&[r"C:\work\shop=/src/shop"]);
        assert_eq!(rules.to_server(r"c:\Work\shop\cmd\main.go").as_deref(), Some("/src/shop/cmd/main.go"));
        assert_eq!(
            rules.to_server("C:/work/shop/main.go"),
            None,
            "the rule is written with the other separator"
        );
        assert_eq!(rules.to_client("/src/shop/cmd/main.go").as_deref(), Some(r"C:\work\shop\cmd\main.go"));
    }

    #[test]
    fn foreign_separator_is_part_of_a_name() {
        assert_eq!(rules(&["/home/me=/src"]).to_server(r"/home/me\x.go"), None);
        assert_eq!(rules(&[r"C:\work=/src"]).to_server(r"C:\workshop\x.go"), None);
    }

    #[test]
    fn a_rule_is_written_as_it_is_read_and_none_is_none() {
        let one = rules(&["/home/me=/src"]);
        assert_eq!(one.0[0].to_string(), "/home/me=/src");
        assert!(!one.is_empty() && rules(&[]).is_empty());
    }

    #[test]
    fn text_without_two_names_is_refused() {
        assert_eq!("/a".parse::<PathRule>(), Err(RuleError::NoEquals("/a".to_owned())));
        for text in ["=/b", "/a=", "="] {
            assert_eq!(text.parse::<PathRule>(), Err(RuleError::Empty(text.to_owned())));
        }
        assert_eq!("/a=/b=c".parse::<PathRule>().unwrap().server, "/b=c");
    }
}
