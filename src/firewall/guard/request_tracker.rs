//! Which answer is to which request, and whose a gate is, on the proxy's side of the pipe; without
//! any I/O.

use std::collections::BTreeSet;

use super::state_machine::has_a_gate;
use super::wire::Operation;

/// Numbers the requests of one pipe, and separates the answer to the last from those to abandoned
/// requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestTracker {
    last: u64,
    /// Ports whose gate is asked for or had: who gives up waiting for his own must not have
    /// another's dropped.
    taken: BTreeSet<u16>,
}

impl RequestTracker {
    /// The number of the next request.
    ///
    /// # Errors
    /// If it would open a port that another request has opened: such a request must not be sent.
    pub fn ask(&mut self, asked: &Operation) -> Result<u64, String> {
        match asked {
            Operation::Open { port, .. } if !self.taken.insert(*port) => return Err(has_a_gate(*port)),
            // Even if it fails: the guard handles the next request after it.
            Operation::Drop { port } => _ = self.taken.remove(port),
            _ => {}
        }
        self.last += 1;
        Ok(self.last)
    }

    /// Whether an answer with this number is to the last request. 0 is: the guard could not read
    /// that one.
    pub fn is_answer(&self, id: u64) -> bool {
        id == self.last || id == 0
    }

    /// The answer to this one was no.
    pub fn refused(&mut self, asked: &Operation) {
        if let Operation::Open { port, .. } = asked {
            self.taken.remove(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(port: u16) -> Operation {
        Operation::Open { port, peers: Vec::new(), socket: false }
    }

    #[test]
    fn late_answer_is_not_taken_for_the_next() {
        let mut turns = RequestTracker::default();
        let (given_up, next) = (turns.ask(&open(1)).unwrap(), turns.ask(&open(2)).unwrap());
        assert!(!turns.is_answer(given_up) && turns.is_answer(next));
        assert!(turns.is_answer(0), "a request that the guard could not read has failed");
        assert!(given_up > 0, "and is told from one that it could");
    }

    #[test]
    fn a_port_is_one_s_until_it_is_given_back_or_refused() {
        let mut turns = RequestTracker::default();
        assert!(turns.ask(&open(1)).is_ok() && turns.ask(&open(1)).is_err());
        assert!(turns.ask(&Operation::Shut { port: 1 }).is_ok());
        assert!(turns.ask(&open(1)).is_err(), "shut is not gone");
        turns.refused(&Operation::Shut { port: 1 });
        assert!(turns.ask(&open(1)).is_err(), "only an open that was refused has nothing");
        assert!(turns.ask(&Operation::Drop { port: 1 }).is_ok());
        assert!(turns.ask(&open(1)).is_ok());
        turns.refused(&open(1));
        assert!(turns.ask(&open(1)).is_ok());
    }
}
