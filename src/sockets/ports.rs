//! Lists the users of a port: all sockets that have it as their own, of every address and family.

use std::io;

use super::occupant::Occupant;

#[cfg(target_os = "linux")]
mod os {
    use std::io;

    use super::Occupant;
    use crate::sockets::kernel::Kernel;
    use crate::sockets::table;

    /// Linux: the kernel is asked; where it cannot be asked, its tables are read.
    #[derive(Debug)]
    pub(super) struct SocketTables(Option<Kernel>);

    impl SocketTables {
        pub(super) fn new() -> SocketTables {
            // A kernel without the module that tells of TCP sockets lets us open, and answers
            // nothing.
            let kernel = Kernel::open().ok().filter(|kernel| kernel.occupants(&[0]).is_ok());
            SocketTables(kernel)
        }

        pub(super) fn at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
            match &self.0 {
                Some(kernel) => kernel.occupants(ports),
                None => table::occupants(ports),
            }
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

        pub(super) fn at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
            pcblist::occupants(&sysctl::tcp_sockets()?, ports).map_err(io::Error::other)
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod os {
    use std::io;

    use super::Occupant;

    /// A system without such tables.
    #[derive(Debug)]
    pub(super) struct SocketTables;

    impl SocketTables {
        pub(super) fn new() -> SocketTables {
            SocketTables
        }

        pub(super) fn at(&self, _: &[u16]) -> io::Result<Vec<Occupant>> {
            Err(io::Error::other("this system does not tell"))
        }
    }
}

/// The system, asked who is at a port.
#[derive(Debug)]
pub(crate) struct Ports(os::SocketTables);

impl Ports {
    /// Opens the kernel's tables of sockets; needs no privilege.
    pub(crate) fn new() -> Ports {
        Ports(os::SocketTables::new())
    }

    /// Every socket at these ports, connections too: one question. What it costs grows with the
    /// room that the kernel has for connections.
    ///
    /// # Errors
    /// If the system does not say.
    pub(crate) fn at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
        self.0.at(ports)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::sockets::{Does, SocketOwner, table};

    fn seen(mut found: Vec<Occupant>) -> Vec<(String, SocketOwner, Does)> {
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
        let own = SocketOwner::Uid(nix::unistd::geteuid().as_raw());
        let ports = Ports::new();
        for asked in [&[at.port()][..], &[from.port()], &[1, at.port(), from.port()]] {
            // Between the two looks a connection of another test may get the same port of its own.
            let told = (0..50).find_map(|_| {
                let told = seen(ports.at(asked).unwrap());
                (told == seen(table::occupants(asked).unwrap())).then_some(told)
            });
            let told = told.unwrap_or_else(|| panic!("the kernel and its tables never agree on {asked:?}"));
            assert!(told.iter().all(|(_, owner, _)| *owner == own), "{told:?}");
        }
        let told = seen(ports.at(&[at.port()]).unwrap());
        assert!(told.contains(&(at.to_string(), own, Does::Listen)), "{told:?}");
        assert!(told.contains(&(at.to_string(), own, Does::Connect)), "{told:?}");
        drop(client);
    }
}
