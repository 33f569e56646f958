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
pub(super) struct ConnectionLimit {
    all: usize,
    of_address: Option<OfAddress>,
    taken: Mutex<ConnectionCounts>,
}

/// What one address may have.
struct OfAddress {
    connections: usize,
    sessions: usize,
}

#[derive(Default)]
struct ConnectionCounts {
    all: usize,
    by: HashMap<IpAddr, AddressCount>,
}

/// An address that is connected.
struct AddressCount {
    connections: usize,
    sessions: Arc<Semaphore>,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LimitReached {
    /// All are taken.
    #[error("too many connections ({limit}), most of them silent")]
    ForAll { limit: usize },
    /// This address has as many as it may have.
    #[error("this address has too many connections ({limit}), most of them silent")]
    ForAddress { limit: usize },
}

/// A connection's place, until it is dropped.
pub(super) struct ConnectionPermit {
    connection_limit: Arc<ConnectionLimit>,
    address: Option<IpAddr>,
    /// A permit for each session that its address may have open.
    pub(super) sessions: Option<Arc<Semaphore>>,
}

impl ConnectionLimit {
    /// For this many sessions in all, and, if addresses are counted separately, of one.
    pub(super) fn new(sessions: usize, of_address: Option<usize>) -> Arc<ConnectionLimit> {
        let of_address =
            of_address.map(|sessions| OfAddress { connections: MAX_SILENT_OF_ADDRESS + sessions, sessions });
        Arc::new(ConnectionLimit { all: MAX_SILENT + sessions, of_address, taken: Mutex::default() })
    }

    /// A place for a connection from `address`; over a Unix socket there is none.
    ///
    /// # Errors
    /// If there is no more.
    pub(super) fn take(
        self: &Arc<ConnectionLimit>,
        address: Option<IpAddr>,
    ) -> Result<ConnectionPermit, LimitReached> {
        let mut taken = self.taken();
        if taken.all >= self.all {
            return Err(LimitReached::ForAll { limit: self.all });
        }
        let address = address.map(|address| address.to_canonical());
        let mut sessions = None;
        if let (Some(limits), Some(address)) = (&self.of_address, address) {
            let new = || AddressCount { connections: 0, sessions: Arc::new(Semaphore::new(limits.sessions)) };
            let address_count = taken.by.entry(address).or_insert_with(new);
            if address_count.connections >= limits.connections {
                return Err(LimitReached::ForAddress { limit: limits.connections });
            }
            address_count.connections += 1;
            sessions = Some(Arc::clone(&address_count.sessions));
        }
        taken.all += 1;
        drop(taken);
        Ok(ConnectionPermit { connection_limit: Arc::clone(self), address, sessions })
    }

    fn taken(&self) -> MutexGuard<'_, ConnectionCounts> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self.connection_limit.taken();
        taken.all -= 1;
        let Some(address) = self.address else { return };
        let Some(address_count) = taken.by.get_mut(&address) else { return };
        address_count.connections -= 1;
        if address_count.connections == 0 {
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
        let connection_limit = ConnectionLimit::new(4, Some(2));
        let mut held = Vec::new();
        let refused = loop {
            match connection_limit.take(ip("192.0.2.5")) {
                Ok(place) => held.push(place),
                Err(full) => break full,
            }
        };
        assert_eq!((held.len(), refused), (34, LimitReached::ForAddress { limit: 34 }));
        assert_eq!(
            connection_limit.take(ip("::ffff:192.0.2.5")).err(),
            Some(LimitReached::ForAddress { limit: 34 })
        );
        held.extend(std::iter::from_fn(|| connection_limit.take(ip("192.0.2.6")).ok()));
        assert_eq!(held.len(), 68);
        assert_eq!(connection_limit.take(ip("192.0.2.7")).err(), Some(LimitReached::ForAll { limit: 68 }));
        held.remove(0);
        assert!(connection_limit.take(ip("192.0.2.7")).is_ok(), "who leaves gives back");
        assert_eq!(connection_limit.taken().by.len(), 2, "who is not connected is not remembered");
        held.clear();
        let taken = connection_limit.taken();
        assert_eq!((taken.all, taken.by.len()), (0, 0));
    }

    #[test]
    fn where_addresses_mean_nothing_each_may_have_all() {
        let connection_limit = ConnectionLimit::new(1, None);
        let held: Vec<ConnectionPermit> =
            std::iter::from_fn(|| connection_limit.take(ip("127.0.0.1")).ok()).collect();
        assert_eq!((held.len(), connection_limit.taken().by.len()), (65, 0));
        assert!(connection_limit.take(None).is_err());
    }
}
