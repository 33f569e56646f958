//! dlv's command line: what it asks for, and the same with another address to listen on.

mod error;
mod flags;
mod given;

use std::ffi::{OsStr, OsString};

pub use error::ParseError;
pub use given::{GivenError, check};

use super::address::Address;

/// What a dlv that listens serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// `dlv dap`: one DAP client.
    Dap,
    /// A headless one: DAP and JSON-RPC.
    Both,
}

/// A command line of dlv's, without the program's name.
#[derive(Clone, Debug, Default)]
pub struct Argv {
    words: Vec<OsString>,
    command: Option<(usize, String)>,
    /// The words after the command that are no flags: its program, package or process id.
    operands: Vec<usize>,
    /// Each value of `--listen`: the word that it stands in, and the bytes before it there.
    listen: Vec<(usize, usize)>,
    log_dest: Option<(usize, usize)>,
    /// As `listen`: dlv takes the last, and one that is left over would be connected to.
    client_addr: Vec<(usize, usize)>,
    headless: bool,
    multiclient: bool,
    continues: bool,
    help: bool,
    only_same_user: Option<bool>,
    api_version: bool,
}

/// The commands that can listen.
const COMMANDS: [&str; 7] = ["dap", "debug", "exec", "test", "attach", "core", "replay"];

/// Those that cannot.
const OTHERS: [&str; 9] =
    ["connect", "trace", "run", "version", "help", "completion", "backend", "log", "redirect"];

impl Argv {
    /// Reads a command line as dlv does: flags may stand anywhere before `--`, what follows is the
    /// program's.
    ///
    /// # Errors
    /// See [`ParseError`].
    pub fn parse(words: Vec<OsString>) -> Result<Argv, ParseError> {
        let mut argv = Argv::default();
        let mut found = false;
        let mut at = 0;
        while at < words.len() && words[at] != "--" {
            let word = readable(&words[at]);
            let here = at;
            at += 1;
            if !word.starts_with('-') || word == "-" {
                let listens = COMMANDS.contains(&word.as_str());
                if found {
                    argv.operands.push(here);
                }
                // A word that is no command may be an unknown flag's value.
                if !found && (listens || OTHERS.contains(&word.as_str())) {
                    argv.command = listens.then_some((here, word));
                    found = true;
                }
                continue;
            }
            for flag in flags::read(&word) {
                let place = match flag.value {
                    Some((_, before)) => Some((here, before)),
                    None if flag.takes_next => {
                        let next = at;
                        at += 1;
                        if next >= words.len() {
                            return Err(ParseError::NoValue { flag: flag.name.to_owned() });
                        }
                        Some((next, 0))
                    }
                    None => None,
                };
                argv.take(&flag, place)?;
            }
        }
        argv.words = words;
        Ok(argv)
    }

    fn take(&mut self, flag: &flags::Flag<'_>, place: Option<(usize, usize)>) -> Result<(), ParseError> {
        match flag.name {
            "headless" => self.headless = flags::is_on(flag)?,
            "accept-multiclient" => self.multiclient = flags::is_on(flag)?,
            "continue" => self.continues = flags::is_on(flag)?,
            "only-same-user" => self.only_same_user = Some(flags::is_on(flag)?),
            "help" | "h" => self.help = flags::is_on(flag)?,
            "api-version" => self.api_version = true,
            "listen" => self.listen.extend(place),
            "log-dest" => self.log_dest = place,
            "client-addr" => self.client_addr.extend(place),
            _ => {}
        }
        Ok(())
    }

    /// What it serves; `None` for a command that does not listen.
    pub fn serves(&self) -> Option<Serves> {
        match self.command() {
            _ if self.help => None,
            Some("dap") => Some(Serves::Dap),
            Some(_) if self.headless => Some(Serves::Both),
            _ => None,
        }
    }

    /// The command, where it is one that can listen.
    pub fn command(&self) -> Option<&str> {
        self.command.as_ref().map(|(_, command)| command.as_str())
    }

    /// The words after the command that are no flags. A value of a flag that dlvgate does not know
    /// may be among them.
    pub fn operands(&self) -> impl Iterator<Item = &OsStr> {
        self.operands.iter().map(|place| self.words[*place].as_os_str())
    }

    /// Whether it builds a program before it listens.
    pub fn builds(&self) -> bool {
        matches!(self.command(), Some("debug" | "test"))
    }

    /// Whether several clients may come, and come back.
    pub fn multiclient(&self) -> bool {
        self.multiclient && self.serves() == Some(Serves::Both)
    }

    /// Whether the program runs before a client comes.
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// Whether nothing is built, run or attached to before a client comes.
    pub fn waits_for_a_client(&self) -> bool {
        matches!(self.command(), Some("dap" | "exec" | "core")) && !self.continues
    }

    /// Whether clients of other users may come; `None` if nothing is said.
    pub fn only_same_user(&self) -> Option<bool> {
        self.only_same_user
    }

    /// The words.
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    /// The address to listen on; the last of several, as dlv has it.
    pub fn listen(&self) -> Option<&OsStr> {
        self.listen.last().map(|place| self.value(*place))
    }

    /// Where the log goes, and the ready line with it.
    pub fn log_dest(&self) -> Option<&OsStr> {
        self.log_dest.map(|place| self.value(place))
    }

    /// The client to dial instead of listening.
    pub fn client_addr(&self) -> Option<&OsStr> {
        self.client_addr.last().map(|place| self.value(*place)).filter(|address| !address.is_empty())
    }

    fn value(&self, (word, before): (usize, usize)) -> &OsStr {
        use std::os::unix::ffi::OsStrExt;
        OsStr::from_bytes(&self.words[word].as_bytes()[before..])
    }

    /// The same with a private address to listen on, and nothing else changed: in the place of each
    /// `--listen`, in that of each `--client-addr`, or else, where it is not just any port, in
    /// front.
    pub fn listening_on(&self, address: &Address) -> Vec<OsString> {
        let private = address.to_string();
        let mut words = self.words.clone();
        for place in &self.listen {
            put(&mut words, *place, &private);
        }
        for &(word, before) in self.client_addr.iter().rev() {
            let listen = format!("--listen={private}");
            if before > 0 {
                words[word] = listen.into();
            } else {
                words[word - 1] = listen.into();
                words.remove(word);
            }
        }
        if self.client_addr.is_empty() && self.listen.is_empty() && *address != Address::ANY {
            words.insert(0, format!("--listen={private}").into());
        }
        words
    }

    /// The words without the address to listen on. `None` if it shares a word with other flags.
    pub fn without_listen(&self) -> Option<Vec<OsString>> {
        let mut words = self.words.clone();
        for &(word, before) in self.listen.iter().rev() {
            let flag = words[if before == 0 { word - 1 } else { word }].to_string_lossy().into_owned();
            let is_alone = match before {
                0 => flag == "--listen" || flag == "-l",
                _ => flag.starts_with("--listen=") || flag.starts_with("-l"),
            };
            if !is_alone {
                return None;
            }
            words.remove(word);
            if before == 0 {
                words.remove(word - 1);
            }
        }
        Some(words)
    }

    /// The same where no address is changed by [`Argv::listening_on`].
    pub fn unmoved(mut self) -> Argv {
        self.listen.clear();
        self.client_addr.clear();
        self
    }

    /// The same with another `--log-dest`, where it has one.
    pub fn logging_to(mut self, descriptor: i32) -> Argv {
        if let Some(place) = self.log_dest {
            put(&mut self.words, place, &descriptor.to_string());
        }
        self
    }
}

/// A word with a `?` for each byte that is not UTF-8, so that a place in it is a place in the word.
fn readable(word: &OsStr) -> String {
    use std::os::unix::ffi::OsStrExt;
    let chunks = word.as_bytes().utf8_chunks();
    chunks.map(|chunk| chunk.valid().to_owned() + &"?".repeat(chunk.invalid().len())).collect()
}

fn put(words: &mut [OsString], (word, before): (usize, usize), value: &str) {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut bytes = words[word].as_bytes()[..before].to_vec();
    bytes.extend_from_slice(value.as_bytes());
    words[word] = OsString::from_vec(bytes);
}

#[cfg(test)]
mod tests;
