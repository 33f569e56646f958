//! The upstream port: any free one, one that the user names, or one out of a range.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

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
}

impl FromStr for PortPlan {
    type Err = String;

    fn from_str(text: &str) -> Result<PortPlan, String> {
        let port = |text: &str| {
            text.trim()
                .parse::<u16>()
                .map_err(|_| format!("`{text}` is no port; use 0, N or A-B, with ports up to 65535"))
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
            PortPlan::Range { first, last } if first == last => write!(f, "{first}"),
            PortPlan::Range { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

/// Hands the ports of the plan to sessions, each to one at a time.
#[derive(Clone, Debug)]
pub struct PortPool {
    plan: PortPlan,
    leased: Arc<Mutex<BTreeSet<u16>>>,
}

impl PortPool {
    /// A pool with every port of the plan free.
    pub fn new(plan: PortPlan) -> PortPool {
        PortPool { plan, leased: Arc::default() }
    }

    /// The plan.
    pub fn plan(&self) -> PortPlan {
        self.plan
    }

    /// As [`PortPool::lease`], of the ports on which nobody listens. Another program can still take the port before dlv does.
    pub fn lease_free(&self) -> Option<PortLease> {
        let mut after = 0;
        loop {
            let lease = self.lease(after)?;
            if lease.port == 0
                || std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, lease.port)).is_ok()
            {
                return Some(lease);
            }
            after = lease.port;
        }
    }

    /// Whether sessions hold every port of the plan.
    pub fn is_exhausted(&self) -> bool {
        self.lease(0).is_none()
    }

    /// The lowest port above `after` that no session holds; port 0 where the system chooses.
    /// `None` where the plan has no further one.
    pub fn lease(&self, after: u16) -> Option<PortLease> {
        let PortPlan::Range { first, last } = self.plan else {
            return (after == 0).then(|| PortLease { port: 0, pool: self.clone() });
        };
        let mut leased = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        let port = (first.max(after.saturating_add(1))..=last)
            .find(|port| *port > after && !leased.contains(port))?;
        leased.insert(port);
        Some(PortLease { port, pool: self.clone() })
    }
}

/// One port, given back when dropped.
#[derive(Debug)]
pub struct PortLease {
    port: u16,
    pool: PortPool,
}

impl PortLease {
    /// The port; 0 where the system chooses.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        self.pool.leased.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(plan: &str) -> PortPool {
        PortPool::new(plan.parse().unwrap())
    }

    #[test]
    fn the_three_spellings_are_read_and_written() {
        for text in ["0", "2345", "40000-40010", "65535"] {
            assert_eq!(text.parse::<PortPlan>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_port_is_refused_with_a_remedy() {
        for (text, says) in [
            ("x", "0, N or A-B"),
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
        let first = pool.lease(0).unwrap();
        let second = pool.lease(0).unwrap();
        assert_eq!((first.port(), second.port()), (5000, 5001));
        assert!(pool.lease(0).is_none() && pool.is_exhausted());
        drop(first);
        assert!(!pool.is_exhausted());
        assert_eq!(pool.lease(0).unwrap().port(), 5000);
    }

    #[test]
    fn a_free_port_is_one_on_which_nobody_listens() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(pool(&port.to_string()).lease_free().is_none());
        drop(taken);
        assert_eq!(pool(&port.to_string()).lease_free().unwrap().port(), port);
    }

    #[test]
    fn a_port_in_use_by_others_is_passed_over() {
        let pool = pool("65534-65535");
        assert_eq!(pool.lease(65534).unwrap().port(), 65535);
        assert!(pool.lease(65535).is_none());
    }
}
