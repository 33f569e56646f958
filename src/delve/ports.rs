//! The upstream port: any free one, one that the user names, one out of a range; or none, and a
//! Unix socket.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use super::address::Address;
use super::socket_dir::SocketDir;

/// How [`PortPlan::Unix`] is written.
const UNIX: &str = "unix";

/// What `--dlv-port` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortPlan {
    /// `0`: whichever port the system gives to dlv.
    #[default]
    Any,
    /// `N` (both ends equal) or `A-B`.
    Range {
        /// The first port, not 0.
        first: u16,
        /// The last port, not below the first.
        last: u16,
    },
    /// `unix`: no port, but a Unix socket in a folder that is the user's alone.
    Unix,
}

impl FromStr for PortPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<PortPlan, String> {
        if text == UNIX {
            return Ok(PortPlan::Unix);
        }
        let port = |text: &str| {
            text.trim().parse::<u16>().map_err(|_| {
                format!("`{text}` is not a port; use 0, N or A-B, with ports up to 65535, or unix")
            })
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (port(first)?, port(last)?),
            None => (port(text)?, port(text)?),
        };
        match (first, last) {
            (0, 0) => Ok(PortPlan::Any),
            (0, _) => Err("a range starts at 1 or above; 0 alone means any free port".to_owned()),
            _ if first > last => {
                Err(format!("the range {first}-{last} runs backwards; did you mean {last}-{first}?"))
            }
            _ => Ok(PortPlan::Range { first, last }),
        }
    }
}

impl fmt::Display for PortPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortPlan::Any => f.write_str("0"),
            PortPlan::Unix => f.write_str(UNIX),
            PortPlan::Range { first, last } if first == last => write!(f, "{first}"),
            PortPlan::Range { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

/// Hands the ports of the plan to sessions, each to one at a time; of Unix sockets there are always
/// more.
#[derive(Clone, Debug)]
pub struct PortPool {
    plan: PortPlan,
    taken: Arc<Mutex<TakenPorts>>,
}

#[derive(Debug, Default)]
struct TakenPorts {
    ports: BTreeSet<u16>,
    /// Made with the first socket, and gone with the last who may need it.
    folder: Option<Arc<SocketDir>>,
    /// The number of the last socket.
    sockets: u64,
}

impl PortPool {
    /// A pool with every port of the plan free.
    pub fn new(plan: PortPlan) -> PortPool {
        PortPool { plan, taken: Arc::default() }
    }

    /// The plan.
    pub fn plan(&self) -> PortPlan {
        self.plan
    }

    /// As [`PortPool::lease`], of the ports on which no program listens. Another program can still
    /// take the port before dlv does.
    ///
    /// # Errors
    /// As [`PortPool::lease`].
    pub fn lease_free(&self) -> io::Result<Option<PortLease>> {
        let mut after = 0;
        while let Some(lease) = self.lease(after)? {
            if lease.port() == 0
                || std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, lease.port())).is_ok()
            {
                return Ok(Some(lease));
            }
            after = lease.port();
        }
        Ok(None)
    }

    /// Whether sessions hold every port of the plan.
    pub fn is_exhausted(&self) -> bool {
        let PortPlan::Range { first, last } = self.plan else { return false };
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        (first..=last).all(|port| taken.ports.contains(&port))
    }

    /// The lowest port above `after` that no session holds; port 0 where the system chooses. `None`
    /// where the plan has no further one.
    ///
    /// # Errors
    /// If there can be no folder for Unix sockets.
    pub fn lease(&self, after: u16) -> io::Result<Option<PortLease>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let address = match self.plan {
            PortPlan::Any | PortPlan::Unix if after > 0 => return Ok(None),
            PortPlan::Any => Address::ANY,
            PortPlan::Unix => return taken.socket().map(Some),
            PortPlan::Range { first, last } => {
                let free = (first.max(after.saturating_add(1))..=last)
                    .find(|port| *port > after && !taken.ports.contains(port));
                let Some(port) = free else { return Ok(None) };
                taken.ports.insert(port);
                Address::loopback(port)
            }
        };
        Ok(Some(PortLease { address, pool: Some(Arc::clone(&self.taken)), _folder: None }))
    }
}

impl TakenPorts {
    fn socket(&mut self) -> io::Result<PortLease> {
        let folder = match self.folder.as_ref().filter(|folder| folder.is_there()) {
            Some(folder) => Arc::clone(folder),
            None => Arc::clone(self.folder.insert(Arc::new(SocketDir::new()?))),
        };
        self.sockets += 1;
        let address = Address::Unix(folder.socket(self.sockets).into());
        Ok(PortLease { address, pool: None, _folder: Some(folder) })
    }
}

/// One port or socket, given back when dropped.
#[derive(Debug)]
pub struct PortLease {
    address: Address,
    /// Where a port is given back.
    pool: Option<Arc<Mutex<TakenPorts>>>,
    /// Where the socket lies.
    _folder: Option<Arc<SocketDir>>,
}

impl PortLease {
    /// Where dlv is to listen.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The port; 0 where the system chooses, until it has, and for a Unix socket.
    pub fn port(&self) -> u16 {
        self.address.tcp().map_or(0, |address| address.port())
    }

    /// Takes the port that the system has chosen. `false` where another session has it: a dlv that
    /// has its client listens no more, and the system may give its port to the next.
    pub(super) fn claim(&mut self, port: u16) -> bool {
        let Some(pool) = self.pool.as_ref().filter(|_| self.port() == 0) else { return true };
        let is_free = pool.lock().unwrap_or_else(PoisonError::into_inner).ports.insert(port);
        if is_free {
            self.address = Address::loopback(port);
        }
        is_free
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        if let Some(taken) = &self.pool {
            taken.lock().unwrap_or_else(PoisonError::into_inner).ports.remove(&self.port());
        }
        if let Address::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path); // dlv has, unless it was killed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(plan: &str) -> PortPool {
        PortPool::new(plan.parse().unwrap())
    }

    #[test]
    fn the_spellings_are_read_and_written() {
        for text in ["0", "2345", "40000-40010", "65535", "unix"] {
            assert_eq!(text.parse::<PortPlan>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_port_is_refused_with_a_remedy() {
        for (text, says) in [
            ("x", "0, N or A-B"),
            ("UNIX", "or unix"),
            ("70000", "65535"),
            ("9-3", "3-9"),
            ("0-5", "any free port"),
            ("", "0, N or A-B"),
        ] {
            let refused = text.parse::<PortPlan>().unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn a_port_serves_one_session_at_a_time() {
        let pool = pool("5000-5001");
        let first = pool.lease(0).unwrap().unwrap();
        let second = pool.lease(0).unwrap().unwrap();
        assert_eq!((first.port(), second.port()), (5000, 5001));
        assert!(pool.lease(0).unwrap().is_none() && pool.is_exhausted());
        drop(first);
        assert!(!pool.is_exhausted());
        assert_eq!(pool.lease(0).unwrap().unwrap().port(), 5000);
    }

    #[test]
    fn port_given_twice_stays_with_the_first_session() {
        let pool = pool("0");
        let [mut first, mut second] = [(); 2].map(|()| pool.lease(0).unwrap().unwrap());
        assert!(first.claim(40001) && !second.claim(40001) && second.claim(40002));
        drop(first);
        assert!(pool.lease(0).unwrap().unwrap().claim(40001), "given back");
    }

    #[test]
    fn free_port_has_no_listener() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(pool(&port.to_string()).lease_free().unwrap().is_none());
        drop(taken);
        // A process that another test starts has the listener too, until its exec.
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {}
        assert_eq!(pool(&port.to_string()).lease_free().unwrap().unwrap().port(), port);
    }

    #[test]
    fn a_port_in_use_by_others_is_passed_over() {
        let pool = pool("65534-65535");
        assert_eq!(pool.lease(65534).unwrap().unwrap().port(), 65535);
        assert!(pool.lease(65535).unwrap().is_none());
    }

    #[test]
    fn each_session_gets_its_own_socket_and_removes_it() {
        let pool = pool("unix");
        let leases: Vec<_> = (0..3).map(|_| pool.lease_free().unwrap().unwrap()).collect();
        assert!(pool.lease(1).unwrap().is_none() && !pool.is_exhausted());
        let path = |lease: &PortLease| match lease.address() {
            Address::Unix(path) => path.to_path_buf(),
            other => panic!("{other}"),
        };
        let paths: std::collections::BTreeSet<_> = leases.iter().map(path).collect();
        assert_eq!(paths.len(), 3);
        let killed = std::os::unix::net::UnixListener::bind(path(&leases[0])).unwrap();
        let folder = path(&leases[0]).parent().unwrap().to_owned();
        drop((killed, leases));
        assert_eq!(folder.read_dir().unwrap().count(), 0);
        std::fs::remove_dir(&folder).unwrap();
        let again = pool.lease(0).unwrap().unwrap();
        assert!(path(&again).parent().unwrap().is_dir(), "another one is made");
        drop((again, pool));
        assert!(!folder.exists());
    }
}
