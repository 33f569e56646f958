//! Which answer is to which request.

/// Numbers the requests of one pipe, and tells the answer to the last from those that nobody waits for any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Turns {
    last: u64,
}

impl Turns {
    /// The number of the next request.
    pub fn ask(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Whether an answer with this number is to the last request. 0 is: the guard could not read that one.
    pub fn is_answer(&self, id: u64) -> bool {
        id == self.last || id == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_came_too_late_is_not_taken_for_the_next() {
        let mut turns = Turns::default();
        let (given_up, next) = (turns.ask(), turns.ask());
        assert!(!turns.is_answer(given_up) && turns.is_answer(next));
        assert!(turns.is_answer(0), "a request that the guard could not read has failed");
        assert!(given_up > 0, "and is told from one that it could");
    }
}
