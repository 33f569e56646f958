//! How many connections there may be: in all, and of one address, so that one of those who may
//! connect cannot keep the others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// Connections that have not spoken yet. Each costs a descriptor, of which macOS gives 256 to a
/// process, and nothing else; what exceeds this is closed.
const MAX_SILENT: usize = 64;

/// Those of one address, where several may connect: as many stay for the others.
const MAX_SILENT_OF_ADDRESS: usize = MAX_SILENT / 2;

/// The limits, with the places that are taken.
pub(super) struct Places {
    all: usize,
    of_address: Option<OfAddress>,
    taken: Mutex<Taken>,
}

/// What one address may have.
struct OfAddress {
    connections: usize,
    sessions: usize,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, Guest>,
}

/// An address that is connected.
struct Guest {
    connections: usize,
    sessions: Arc<Semaphore>,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// All are taken.
    #[error("too many connections ({limit}), of which most say nothing")]
    ForAll { limit: usize },
    /// This address has as many as it may have.
    #[error("this address has too many connections ({limit}), of which most say nothing")]
    ForAddress { limit: usize },
}

/// A connection's place, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
    /// A permit for each session that its address may have open.
    pub(super) sessions: Option<Arc<Semaphore>>,
}

impl Places {
    /// For this many sessions in all, and, where addresses are to be told apart, of one.
    pub(super) fn new(sessions: usize, of_address: Option<usize>) -> Arc<Places> {
        let of_address =
            of_address.map(|sessions| OfAddress { connections: MAX_SILENT_OF_ADDRESS + sessions, sessions });
        Arc::new(Places { all: MAX_SILENT + sessions, of_address, taken: Mutex::default() })
    }

    /// A place for a connection from `address`; over a Unix socket there is none.
    ///
    /// # Errors
    /// Where there is no more.
    pub(super) fn take(self: &Arc<Places>, address: Option<IpAddr>) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.all >= self.all {
            return Err(Full::ForAll { limit: self.all });
        }
        let address = address.map(|address| address.to_canonical());
        let mut sessions = None;
        if let (Some(limits), Some(address)) = (&self.of_address, address) {
            let new = || Guest { connections: 0, sessions: Arc::new(Semaphore::new(limits.sessions)) };
            let guest = taken.by.entry(address).or_insert_with(new);
            if guest.connections >= limits.connections {
                return Err(Full::ForAddress { limit: limits.connections });
            }
            guest.connections += 1;
            sessions = Some(Arc::clone(&guest.sessions));
        }
        taken.all += 1;
        drop(taken);
        Ok(Place { places: Arc::clone(self), address, sessions })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        let Some(address) = self.address else { return };
        let Some(guest) = taken.by.get_mut(&address) else { return };
        guest.connections -= 1;
        if guest.connections == 0 {
            taken.by.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn greedy_address_leaves_half_of_the_places() {
        let places = Places::new(4, Some(2));
        let mut held = Vec::new();
        let refused = loop {
            match places.take(ip("192.0.2.5")) {
                Ok(place) => held.push(place),
                Err(full) => break full,
            }
        };
        assert_eq!((held.len(), refused), (34, Full::ForAddress { limit: 34 }));
        assert_eq!(places.take(ip("::ffff:192.0.2.5")).err(), Some(Full::ForAddress { limit: 34 }));
        held.extend(std::iter::from_fn(|| places.take(ip("192.0.2.6")).ok()));
        assert_eq!(held.len(), 68);
        assert_eq!(places.take(ip("192.0.2.7")).err(), Some(Full::ForAll { limit: 68 }));
        held.remove(0);
        assert!(places.take(ip("192.0.2.7")).is_ok(), "who leaves gives back");
        assert_eq!(places.taken().by.len(), 2, "who is not connected is not remembered");
        held.clear();
        let taken = places.taken();
        assert_eq!((taken.all, taken.by.len()), (0, 0));
    }

    #[test]
    fn where_addresses_mean_nothing_each_may_have_all() {
        let places = Places::new(1, None);
        let held: Vec<Place> = std::iter::from_fn(|| places.take(ip("127.0.0.1")).ok()).collect();
        assert_eq!((held.len(), places.taken().by.len()), (65, 0));
        assert!(places.take(None).is_err());
    }
}
