//! Every state that can be reached, breadth first: a violation is reported with the shortest
//! way to it.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

/// Something whose every state can be gone through.
pub trait Model {
    /// All that may differ.
    type State: Clone + Eq + Hash + Debug;

    /// Where it begins.
    fn begin(&self) -> Self::State;

    /// All that may happen next: what it is called, and the state after it, or which promise it
    /// breaks.
    fn next(&self, state: &Self::State) -> Vec<(String, Result<Self::State, &'static str>)>;

    /// The promise that a state breaks; `is_last`: nothing can happen any more.
    fn broken(&self, state: &Self::State, is_last: bool) -> Option<&'static str>;
}

/// The result of a search.
#[derive(Debug)]
pub struct Found {
    /// States that were looked at.
    pub states: usize,
    /// Steps from one to another.
    pub steps: usize,
    /// Those after which nothing happens.
    pub last: usize,
    /// A broken promise, and how it comes to that.
    pub broken: Option<(&'static str, Vec<String>)>,
}

/// Goes through every state, or up to the first that breaks a promise.
pub fn search<M: Model>(model: &M) -> Found {
    let begin = model.begin();
    let mut places = HashMap::from([(begin.clone(), 0)]);
    // How each state was reached first.
    let mut ways: Vec<(usize, String)> = vec![(0, String::new())];
    let mut open = VecDeque::from([(0, begin)]);
    let mut found = Found { states: 0, steps: 0, last: 0, broken: None };
    while let Some((place, state)) = open.pop_front() {
        found.states += 1;
        let all = model.next(&state);
        found.steps += all.len();
        found.last += usize::from(all.is_empty());
        if let Some(promise) = model.broken(&state, all.is_empty()) {
            found.broken = Some((promise, way(&ways, place, format!("{state:#?}"))));
            return found;
        }
        for (what, after) in all {
            let after = match after {
                Ok(after) => after,
                Err(promise) => {
                    found.broken = Some((promise, way(&ways, place, what)));
                    return found;
                }
            };
            if !places.contains_key(&after) {
                places.insert(after.clone(), ways.len());
                open.push_back((ways.len(), after));
                ways.push((place, what));
            }
        }
    }
    found
}

fn way(ways: &[(usize, String)], mut place: usize, last: String) -> Vec<String> {
    let mut steps = vec![last];
    while place != 0 {
        steps.push(ways[place].1.clone());
        place = ways[place].0;
    }
    steps.reverse();
    steps
}
