//! Who is at a port: all sockets that have it as their own, of every address and family.

use std::io;

use super::Occupant;

#[cfg(target_os = "linux")]
mod os {
    use std::io;

    use super::Occupant;
    use crate::sockets::kernel::Kernel;
    use crate::sockets::sock_diag::{ALL_STATES, LISTENING};
    use crate::sockets::table;

    /// Linux: the kernel is asked; where it cannot be asked, its tables are read.
    #[derive(Debug)]
    pub(super) struct SocketTables(Option<Kernel>);

    impl SocketTables {
        pub(super) fn new() -> SocketTables {
            // A kernel without the module that tells of TCP sockets lets us open, and answers nothing.
            let kernel = Kernel::open().ok().filter(|kernel| kernel.occupants(LISTENING, 0).is_ok());
            SocketTables(kernel)
        }

        pub(super) fn at(&self, port: u16) -> io::Result<Vec<Occupant>> {
            match &self.0 {
                Some(kernel) => kernel.occupants(ALL_STATES, port),
                None => table::occupants(&[port]),
            }
        }

        pub(super) fn listening_at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
            let Some(kernel) = &self.0 else { return table::occupants(ports) };
            let mut found = kernel.occupants(LISTENING, 0)?;
            found.retain(|one| ports.contains(&one.local.port()));
            Ok(found)
        }
    }
}

#[cfg(target_os = "macos")]
mod os {
    use std::io;

    use super::Occupant;
    use crate::sockets::{pcblist, sysctl};

    /// macOS: the list of all TCP sockets is read.
    #[derive(Debug)]
    pub(super) struct SocketTables;

    impl SocketTables {
        pub(super) fn new() -> SocketTables {
            SocketTables
        }

        pub(super) fn at(&self, port: u16) -> io::Result<Vec<Occupant>> {
            self.listening_at(&[port])
        }

        pub(super) fn listening_at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
            pcblist::occupants(&sysctl::tcp_sockets()?, ports).map_err(io::Error::other)
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod os {
    use std::io;

    use super::Occupant;

    /// No system that tells.
    #[derive(Debug)]
    pub(super) struct SocketTables;

    impl SocketTables {
        pub(super) fn new() -> SocketTables {
            SocketTables
        }

        pub(super) fn at(&self, _: u16) -> io::Result<Vec<Occupant>> {
            Err(io::Error::other("this system does not tell"))
        }

        pub(super) fn listening_at(&self, _: &[u16]) -> io::Result<Vec<Occupant>> {
            Err(io::Error::other("this system does not tell"))
        }
    }
}

/// The system, asked who is at a port.
#[derive(Debug)]
pub(crate) struct Ports(os::SocketTables);

impl Ports {
    /// Opens what is asked; it needs no privilege.
    pub(crate) fn new() -> Ports {
        Ports(os::SocketTables::new())
    }

    /// Every socket at this port, connections too. What it costs grows with the room that the kernel has for connections.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(crate) fn at(&self, port: u16) -> io::Result<Vec<Occupant>> {
        self.0.at(port)
    }

    /// At least the sockets at these ports that listen: one question for all of them, and cheap on Linux.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(crate) fn listening_at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
        self.0.listening_at(ports)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::sockets::{Does, Owner, table};

    fn seen(mut found: Vec<Occupant>) -> Vec<(String, Owner, Does)> {
        found.sort_by_key(|one| format!("{one:?}"));
        found.into_iter().map(|one| (one.local.to_string(), one.owner, one.does)).collect()
    }

    /// A listener of each family, and both ends of a connection.
    #[test]
    fn kernel_and_tables_tell_the_same_of_a_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let _six = TcpListener::bind(("::1", at.port()));
        let client = TcpStream::connect(at).unwrap();
        let (_accepted, from) = listener.accept().unwrap();
        let own = Owner::Uid(nix::unistd::geteuid().as_raw());
        let ports = Ports::new();
        for port in [at.port(), from.port()] {
            let told = seen(ports.at(port).unwrap());
            assert_eq!(told, seen(table::occupants(&[port]).unwrap()));
            assert!(told.iter().all(|(_, owner, _)| *owner == own), "{told:?}");
        }
        let told = seen(ports.at(at.port()).unwrap());
        assert!(told.contains(&(at.to_string(), own, Does::Listen)), "{told:?}");
        assert!(told.contains(&(at.to_string(), own, Does::Connect)), "{told:?}");
        let listening = ports.listening_at(&[at.port(), from.port()]).unwrap();
        assert!(listening.iter().all(|one| one.local.port() == at.port() && one.does == Does::Listen));
        assert!(!listening.is_empty());
        drop(client);
    }
}
