use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use super::system::System;
use super::*;
use crate::sockets::kernel::Kernel;
use crate::sockets::table::owner_in;

/// Both ways of asking have to say the same.
fn both(uids: &[u32]) -> [PeerUids; 2] {
    let kernel = Kernel::open().unwrap();
    [Some(kernel), None].map(|kernel| PeerUids { uids: uids.to_vec(), system: System { kernel } })
}

fn us() -> [PeerUids; 2] {
    both(&[nix::unistd::geteuid().as_raw()])
}

fn ends(client: &TcpStream) -> (SocketAddr, SocketAddr) {
    (client.local_addr().unwrap(), client.peer_addr().unwrap())
}

const NO_OWNER: &str = CLOSED;

#[test]
fn own_connection_is_ours_in_either_family() {
    for (front, to) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]:0", "::1"),
        ("[::]:0", "127.0.0.1"),
        ("[::]:0", "::ffff:127.0.0.1"),
    ] {
        let Ok(listener) = TcpListener::bind(front) else { continue }; // no IPv6 here
        let port = listener.local_addr().unwrap().port();
        let _client = TcpStream::connect((to, port)).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let front = accepted.local_addr().unwrap();
        for owners in us() {
            assert_eq!(owners.admit(peer, front), Ok(()), "{peer} at {front}");
        }
        for owners in both(&[4_000_000]) {
            assert!(owners.admit(peer, front).unwrap_err().contains("--only-same-user=false"));
        }
    }
}

#[test]
fn closed_connection_is_not_root_s() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, front) = ends(&client);
    let (_accepted, _) = listener.accept().unwrap();
    drop(client);
    for owners in both(&[0, nix::unistd::geteuid().as_raw()]) {
        assert_eq!(owners.admit(peer, front), Err(NO_OWNER.to_owned()));
    }
}

#[test]
fn half_closed_client_still_has_an_owner() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, front) = ends(&client);
    client.shutdown(std::net::Shutdown::Write).unwrap();
    for owners in us() {
        assert_eq!(owners.admit(peer, front), Ok(()));
    }
}

#[test]
fn listener_at_the_client_address_is_not_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (_, front) = ends(&client);
    let other = TcpListener::bind("0.0.0.0:0").unwrap();
    let peer = SocketAddr::from(([127, 0, 0, 1], other.local_addr().unwrap().port()));
    for owners in us() {
        assert_eq!(owners.admit(peer, front), Err(NO_OWNER.to_owned()));
    }
}

#[test]
fn our_own_end_does_not_tell_whose_the_client_s_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, front) = ends(&client);
    let (_accepted, _) = listener.accept().unwrap();
    drop(client); // our end stays
    for owners in us() {
        assert_eq!(owners.admit(peer, front), Err(NO_OWNER.to_owned()));
        assert_eq!(owners.admit(front, peer), Ok(()), "our end is ours, were it asked for");
    }
}

#[test]
fn a_client_that_is_bound_to_the_interface_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    client.bind_device(Some(b"lo")).unwrap();
    client.connect(&listener.local_addr().unwrap().into()).unwrap();
    let client = TcpStream::from(client);
    let usual = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for owners in us() {
        for (peer, front) in [ends(&usual), ends(&client)] {
            assert_eq!(owners.admit(peer, front), Ok(()));
        }
    }
}

#[test]
fn kernel_that_never_found_a_socket_is_not_believed() {
    let nowhere = Ends { peer: "127.0.0.1:1".parse().unwrap(), front: "127.0.0.1:2".parse().unwrap() };
    let kernel = Kernel::open().unwrap();
    assert!(kernel.owner(nowhere).is_err());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, front) = ends(&client);
    assert!(matches!(kernel.owner(Ends { peer, front }), Ok(SocketOwner::Uid(_))));
    assert_eq!(kernel.owner(nowhere).unwrap(), SocketOwner::NoProcess);
}

#[test]
fn kernel_is_tried_out_at_the_start() {
    let nowhere = Ends { peer: "127.0.0.1:1".parse().unwrap(), front: "127.0.0.1:2".parse().unwrap() };
    assert_eq!(System::new().unwrap().kernel.unwrap().owner(nowhere).unwrap(), SocketOwner::NoProcess);
}

#[test]
fn client_of_another_machine_has_no_owner_here() {
    for owners in us() {
        assert_eq!(
            owners.admit("198.51.100.7:50000".parse().unwrap(), "127.0.0.1:1".parse().unwrap()),
            Ok(())
        );
    }
}

#[cfg(target_endian = "little")]
const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0929 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:0929 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 20 4 30 10 -1
   2: 0100007F:0929 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20 4 30 10 -1
   3: 0100007F:D433 0100007F:0929 06 00000000:00000000 03:000017A2 00000000     0        0 0 3 0000000000000000
";

#[cfg(target_endian = "little")]
#[test]
fn table_gives_the_user_of_the_client_end() {
    let ends = |peer: &str| Ends { peer: peer.parse().unwrap(), front: "127.0.0.1:2345".parse().unwrap() };
    assert_eq!(owner_in(TABLE, ends("127.0.0.1:54321")), Some(SocketOwner::Uid(1000)));
    assert_eq!(owner_in(TABLE, ends("127.0.0.1:54322")), None);
    assert_eq!(owner_in(TABLE, ends("127.0.0.1:54323")), Some(SocketOwner::NoProcess), "in TIME_WAIT");
    assert_eq!(owner_in("", ends("127.0.0.1:54321")), None);
}
