//! One input: who it is, what it does, what must come of it.

use std::ops::RangeInclusive;

use dlvgate_test_support::client::{Client, End};
use dlvgate_test_support::frames::{frame, split_all};

use super::place::Place;

/// What must come of an input, once its client has closed its sending half.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// It is told something with this in it, and closed.
    Answered(&'static str),
    /// It is closed without a byte.
    Closed,
    /// dlv has answered it, or has ended the session and it was told so, in whole messages.
    PassedOn,
    /// It has gone itself.
    Gone,
}

/// Bytes of an answer's beginning, and of its end, that are looked at before all is there.
const LOOKED_AT: usize = 64 * 1024;

type Act = Box<dyn Fn(&Place) -> Client>;

/// A client that wants harm.
pub struct Input {
    /// What it is.
    pub name: &'static str,
    act: Act,
    expected: Expected,
    /// How many dlvs are started for it.
    starts: RangeInclusive<usize>,
}

impl Input {
    /// A client that does this on a connection of its own, which it gives back to be looked at.
    pub fn does(name: &'static str, expected: Expected, act: impl Fn(&Place) -> Client + 'static) -> Self {
        let starts = match expected {
            Expected::PassedOn => 1..=1,
            _ => 0..=0,
        };
        Self { name, act: Box::new(act), expected, starts }
    }

    /// A client that sends these bytes.
    pub fn says(name: &'static str, expected: Expected, bytes: impl Fn() -> Vec<u8> + 'static) -> Self {
        Self::does(name, expected, move |place| {
            let mut client = place.client();
            // The server may close before all of it is sent.
            let _ = client.try_raw(&bytes());
            client
        })
    }

    /// A client that sends this as a message.
    pub fn frames(name: &'static str, expected: Expected, body: impl Fn() -> String + 'static) -> Self {
        Self::says(name, expected, move || frame(&body()))
    }

    /// So many dlvs are started for it, where that is not as its expectation has it: one for what
    /// is passed on, else none.
    pub fn starting(mut self, dlvs: RangeInclusive<usize>) -> Self {
        self.starts = dlvs;
        self
    }

    /// Does it; gives the bounds of how many dlvs that has started.
    pub fn happens(&self, place: &mut Place) -> RangeInclusive<usize> {
        let _named = Named(self.name);
        let client = (self.act)(place);
        place.serves(); // beside it
        // The answer is not cut off by the input's end of file.
        match self.expected {
            Expected::Answered(text) => {
                client.bytes(|bytes| {
                    has(&bytes[..bytes.len().min(LOOKED_AT)], text)
                        || has(&bytes[bytes.len().saturating_sub(LOOKED_AT)..], text)
                });
            }
            Expected::PassedOn => {
                client.bytes(|bytes| !bytes.is_empty());
            }
            Expected::Closed | Expected::Gone => {}
        }
        client.half_close_if_open();
        let (end, _) = client.end();
        let came = client.bytes(|_| false);
        let shown = || String::from_utf8_lossy(&came[..came.len().min(2000)]).into_owned();
        match self.expected {
            Expected::Answered(text) => {
                assert!(has(&came, text), "no {text:?} in {:?}", shown());
            }
            Expected::Closed => assert!(came.is_empty(), "{:?}", shown()),
            Expected::PassedOn => {
                assert_eq!(end, End::Eof, "{:?}", shown());
                let messages = split_all(&came).unwrap_or_else(|why| panic!("{why}: {:?}", shown()));
                assert!(!messages.is_empty(), "it is told nothing");
            }
            Expected::Gone => {}
        }
        self.starts.clone()
    }
}

/// Whether the text is in what came.
fn has(came: &[u8], text: &str) -> bool {
    came.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Says which input it was, where it fails.
struct Named(&'static str);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: {}", self.0);
        }
    }
}
