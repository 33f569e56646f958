//! File names in a JSON-RPC stream, from one side's to the other's.
//!
//! Everything else goes on byte for byte. These strings are file names (Delve,
//! `service/api/types.go`, `service/rpc2/server.go`), wherever they stand in an object:
//!
//! | key | where |
//! |---|---|
//! | `file`, `File` | `Location`, `Stackframe`, `Thread`, `Breakpoint` |
//! | `file`, `File` | the locations of a `Goroutine`, a `Defer`, an instruction |
//! | `Loc`, `LocExpr`, `SubstituteLocExpr` | `FindLocation`, `CreateBreakpoint` (`FILE:LINE`) |
//! | `Sources` (an array) | `ListSources` |
//! | `DirectoryPath`, `Files` (an array) | `ListPackagesBuildInfo` |
//!
//! A location expression other than `FILE:LINE` fits no rule. A variable has no such key: its name
//! and value are never touched. `UserData`, which is a client's own, is left alone, and so are the
//! path rules that a client sends (`SubstitutePathRules`).

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::json::{decoded, fold};
use crate::paths::PathRules;

/// Longest file name that is looked at, in bytes as written. A longer one goes on as it is: systems
/// take 4096 at most.
pub const PATH_MAX: usize = 8 * 1024;

/// Deepest nesting in which file names are looked for. Replies nest as deep as the variables that
/// they show.
pub const DEPTH_MAX: usize = 1024;

/// Longest key that is recognised, as it is written: `SubstitutePathRules` with each letter
/// as an escape has 114 bytes.
const KEY_MAX: usize = 128;

/// The keys of [`KeyMeaning`] other than `Other`, each with its case as Delve writes it.
const KEYS: [(&str, KeyMeaning); 9] = [
    ("file", KeyMeaning::Path),
    ("Loc", KeyMeaning::Path),
    ("LocExpr", KeyMeaning::Path),
    ("SubstituteLocExpr", KeyMeaning::Path),
    ("DirectoryPath", KeyMeaning::Path),
    ("Sources", KeyMeaning::Paths),
    ("Files", KeyMeaning::Paths),
    ("UserData", KeyMeaning::Foreign),
    ("SubstitutePathRules", KeyMeaning::Foreign),
];

/// Bytes to send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RewritePiece {
    /// This part of the chunk.
    Chunk(Range<usize>),
    /// A file name, and what of it came with an earlier chunk.
    Own(Bytes),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RewriteDirection {
    ToServer,
    ToClient,
}

/// What a key says of its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum KeyMeaning {
    #[default]
    Other,
    Path,
    Paths,
    /// Nothing in it is ours to change.
    Foreign,
}

impl KeyMeaning {
    fn of(key: &[u8]) -> KeyMeaning {
        match key {
            b"file" | b"File" | b"Loc" | b"LocExpr" | b"SubstituteLocExpr" | b"DirectoryPath" => {
                KeyMeaning::Path
            }
            b"Sources" | b"Files" => KeyMeaning::Paths,
            b"UserData" | b"SubstitutePathRules" => KeyMeaning::Foreign,
            _ => KeyMeaning::Other,
        }
    }

    /// As Delve reads a client's key: its escapes decoded, and in any case.
    fn of_any_case(written: &[u8]) -> KeyMeaning {
        let key = decoded(written);
        let known = KEYS.into_iter().find(|(known, _)| fold::is_field(&key, known));
        known.map_or(KeyMeaning::Other, |(_, value)| value)
    }
}

/// An object or array that is not closed yet.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    is_object: bool,
    expects_key: bool,
    /// It stands in something foreign.
    is_foreign: bool,
    /// What the present value is; in an array, each of them.
    value: KeyMeaning,
}

/// The string that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StringState {
    None,
    Key,
    Path,
    Other,
}

/// Follows one direction of one connection. It keeps the beginning of a file name, of at most
/// [`PATH_MAX`] bytes.
#[derive(Clone, Debug)]
pub struct Rewriter {
    rules: Arc<PathRules>,
    direction: RewriteDirection,
    levels: Vec<Level>,
    /// Levels beyond [`DEPTH_MAX`].
    deeper: usize,
    text: StringState,
    escaped: bool,
    /// A key, or a file name with its opening quote.
    held: Vec<u8>,
}

impl Rewriter {
    /// For what the client says.
    pub fn to_server(rules: Arc<PathRules>) -> Rewriter {
        Rewriter::new(rules, RewriteDirection::ToServer)
    }

    /// For what dlv says.
    pub fn to_client(rules: Arc<PathRules>) -> Rewriter {
        Rewriter::new(rules, RewriteDirection::ToClient)
    }

    fn new(rules: Arc<PathRules>, direction: RewriteDirection) -> Rewriter {
        let (levels, held) = (Vec::new(), Vec::new());
        Rewriter { rules, direction, levels, deeper: 0, text: StringState::None, escaped: false, held }
    }

    /// Takes a chunk, and appends what goes on to `pieces`. The bytes that go on do not depend on
    /// how a stream is cut. Bytes that are not JSON go on as they are.
    pub fn advance(&mut self, chunk: &[u8], pieces: &mut VecDeque<RewritePiece>) {
        // The unchanged bytes begin here.
        let mut from = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            match self.text {
                StringState::None if byte == b'"' => {
                    self.begin_text();
                    if self.text == StringState::Path {
                        push(from..at, pieces);
                        from = at + 1;
                    }
                }
                StringState::None => self.structure(byte),
                StringState::Key | StringState::Path | StringState::Other => {
                    let was_path = self.text == StringState::Path;
                    self.inside(byte);
                    if was_path {
                        from = at + 1;
                        if self.text != StringState::Path {
                            pieces.push_back(RewritePiece::Own(self.settled()));
                        }
                    }
                }
            }
        }
        push(from..chunk.len().max(from), pieces);
    }

    /// How many bytes of a key or file name, and how many levels of nesting, are kept.
    #[cfg(fuzzing)]
    pub fn held(&self) -> (usize, usize) {
        (self.held.len(), self.levels.len())
    }

    fn begin_text(&mut self) {
        self.held.clear();
        self.escaped = false;
        self.text = match self.levels.last() {
            _ if self.deeper > 0 => StringState::Other,
            Some(level) if level.is_object && level.expects_key => StringState::Key,
            Some(Level { is_object: true, value: KeyMeaning::Path, .. })
            | Some(Level { is_object: false, value: KeyMeaning::Paths, .. }) => StringState::Path,
            _ => StringState::Other,
        };
        if self.text == StringState::Path {
            self.held.push(b'"');
        }
    }

    /// A byte of a string.
    fn inside(&mut self, byte: u8) {
        let ends = byte == b'"' && !self.escaped;
        self.escaped = byte == b'\\' && !self.escaped;
        match self.text {
            StringState::Path => {
                self.held.push(byte);
                if ends {
                    self.text = StringState::None;
                } else if self.held.len() >= PATH_MAX {
                    self.text = StringState::Other;
                }
            }
            StringState::Key if ends => {
                let value = match self.direction {
                    _ if self.held.len() > KEY_MAX => KeyMeaning::Other,
                    RewriteDirection::ToClient => KeyMeaning::of(&self.held),
                    RewriteDirection::ToServer => KeyMeaning::of_any_case(&self.held),
                };
                if let Some(level) = self.levels.last_mut() {
                    level.value = if level.is_foreign { KeyMeaning::Foreign } else { value };
                }
                self.text = StringState::None;
            }
            StringState::Key if self.held.len() <= KEY_MAX => self.held.push(byte),
            _ if ends => self.text = StringState::None,
            _ => {}
        }
    }

    /// A byte outside strings.
    fn structure(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' => drop(self.levels.pop()),
            b',' | b':' if self.deeper == 0 => {
                if let Some(level) = self.levels.last_mut().filter(|level| level.is_object) {
                    level.expects_key = byte == b',';
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, is_object: bool) {
        if self.levels.len() >= DEPTH_MAX {
            self.deeper += 1;
            return;
        }
        let outer = self.levels.last().map(|level| level.value).unwrap_or_default();
        let value = match outer {
            KeyMeaning::Foreign => KeyMeaning::Foreign,
            KeyMeaning::Paths if !is_object => KeyMeaning::Paths,
            _ => KeyMeaning::Other,
        };
        let is_foreign = value == KeyMeaning::Foreign;
        self.levels.push(Level { is_object, expects_key: is_object, is_foreign, value });
    }

    /// The file name that is held, under its other name where it has one.
    fn settled(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held);
        let mapped = serde_json::from_slice::<String>(&held).ok().and_then(|path| match self.direction {
            RewriteDirection::ToServer => self.rules.to_server(&path),
            RewriteDirection::ToClient => self.rules.to_client(&path),
        });
        let written = mapped.and_then(|path| serde_json::to_vec(&path).ok());
        Bytes::from(written.unwrap_or(held))
    }
}

fn push(range: Range<usize>, pieces: &mut VecDeque<RewritePiece>) {
    if !range.is_empty() {
        pieces.push_back(RewritePiece::Chunk(range));
    }
}

#[cfg(test)]
mod tests;
