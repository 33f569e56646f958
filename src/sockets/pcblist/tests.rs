//! Bytes written down field by field as the structures stand in XNU's headers (xnu-11417.101.15),
//! each field with its own size; the reader's offsets are its own affair.

use super::*;

/// A structure that is being written.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    /// `short`, at an even offset.
    fn u16(mut self, value: u16) -> Self {
        self.align(2);
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// `int`, at a multiple of 4.
    fn u32(mut self, value: u32) -> Self {
        self.align(4);
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// `u_int64_t`, at a multiple of 4 too: `#pragma pack(4)`.
    fn u64(mut self, value: u64) -> Self {
        self.align(4);
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    /// The structure with its length as its first field.
    fn done(mut self) -> Vec<u8> {
        self.align(4);
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// `struct xinpgen`.
fn generation(count: u32) -> Vec<u8> {
    Bytes::default().u32(0).u32(count).u64(7).u64(9).done()
}

/// `in_addr_4in6` or `in6_addr`, both 16 bytes at a multiple of 4.
fn address(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => [&[0; 12][..], &ip.octets()].concat(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// `struct xinpcb_n`.
fn addresses(local: SocketAddr, foreign: SocketAddr) -> Vec<u8> {
    let family = if local.is_ipv4() { 0x1 } else { 0x2 };
    let mut bytes = Bytes::default()
        .u32(0) // xi_len
        .u32(0x10) // xi_kind
        .u64(0xfeed) // xi_inpp
        .raw(&foreign.port().to_be_bytes()) // inp_fport
        .raw(&local.port().to_be_bytes()) // inp_lport
        .u64(0xbeef) // inp_ppcb
        .u64(3) // inp_gencnt
        .u32(0) // inp_flags
        .u32(0) // inp_flow
        .u8(family) // inp_vflag
        .u8(64) // inp_ip_ttl
        .u8(6); // inp_ip_p
    bytes.align(4);
    bytes
        .raw(&address(foreign.ip()))
        .raw(&address(local.ip()))
        .u8(0) // inp4_ip_tos
        .u32(0) // inp6_hlim, alone in its word
        .u32(0) // inp6_cksum
        .u16(0) // inp6_ifindex
        .u16(0) // inp6_hops
        .u32(0) // inp_flowhash
        .u32(0) // inp_flags2
        .done()
}

/// `struct xsocket_n`; without a handle, as the kernel leaves it where there is no socket any more.
fn socket(handle: u64, uid: u32) -> Vec<u8> {
    let protocol = if handle == 0 { 0 } else { 6 };
    Bytes::default()
        .u32(0) // xso_len
        .u32(0x1) // xso_kind
        .u64(handle) // xso_so
        .u16(1) // so_type
        .u32(0) // so_options
        .u16(0) // so_linger
        .u16(2) // so_state
        .u64(0xfeed) // so_pcb
        .u32(protocol) // xso_protocol
        .u32(2) // xso_family
        .u16(0) // so_qlen
        .u16(0) // so_incqlen
        .u16(0) // so_qlimit
        .u16(0) // so_timeo
        .u16(0) // so_error
        .u32(400) // so_pgid
        .u32(0) // so_oobmark
        .u32(uid) // so_uid
        .u32(4711) // so_last_pid
        .u32(4711) // so_e_pid
        .u64(5) // so_gencnt
        .u32(0) // so_flags
        .u32(0) // so_flags1
        .u32(1) // so_usecount
        .u32(0) // so_retaincnt
        .u32(0) // xso_filter_flags
        .done()
}

/// The rest of a socket's records, which mean nothing here: `xsockbuf_n`, twice; `xsockstat_n`;
/// `xtcpcb_n`. One has a length that is no multiple of 8.
fn others() -> Vec<Vec<u8>> {
    let buffer = |kind| Bytes::default().u32(0).u32(kind).raw(&[1; 24]).done();
    let statistics = Bytes::default().u32(0).u32(0x8).raw(&[0x10; 128]).done();
    let tcp = Bytes::default().u32(0).u32(0x20).raw(&[0x10; 196]).done();
    vec![buffer(0x2), buffer(0x4), statistics, tcp]
}

fn list(sockets: &[(SocketAddr, SocketAddr, Vec<u8>)]) -> Vec<u8> {
    let mut list = generation(sockets.len() as u32);
    for (local, foreign, socket) in sockets {
        for record in [addresses(*local, *foreign), socket.clone()].into_iter().chain(others()) {
            list.extend(record);
            list.resize(list.len().next_multiple_of(8), 0);
        }
    }
    list.extend(generation(sockets.len() as u32));
    list
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ends(peer: &str, front: &str) -> Ends {
    Ends { peer: at(peer), front: at(front) }
}

const FRONT: &str = "127.0.0.1:2345";

/// The listener, a client of user 501, and our own end of it; a client of 502 over IPv6.
fn usual() -> Vec<u8> {
    let (front, peer) = (at(FRONT), at("127.0.0.1:50000"));
    list(&[
        (front, at("0.0.0.0:0"), socket(1, 501)),
        (front, peer, socket(2, 503)),
        (peer, front, socket(3, 501)),
        (at("[::1]:50001"), at("[::1]:2345"), socket(4, 502)),
        (at("127.0.0.1:50002"), front, socket(0, 0)),
    ])
}

#[test]
fn structures_have_the_lengths_of_the_headers() {
    let front = at(FRONT);
    assert_eq!((generation(0).len(), addresses(front, front).len(), socket(1, 0).len()), (24, 104, 104));
}

#[test]
fn the_client_s_end_tells_the_user_and_not_ours() {
    let list = usual();
    assert_eq!(owner_in(&list, ends("127.0.0.1:50000", FRONT)), Ok(SocketOwner::Uid(501)));
    assert_eq!(
        owner_in(&list, ends("[::ffff:127.0.0.1]:50000", "[::ffff:127.0.0.1]:2345")),
        Ok(SocketOwner::Uid(501))
    );
    assert_eq!(owner_in(&list, ends("[::1]:50001", "[::1]:2345")), Ok(SocketOwner::Uid(502)));
    assert_eq!(
        owner_in(&list, ends(FRONT, "127.0.0.1:50000")),
        Ok(SocketOwner::Uid(503)),
        "our end, were it asked for"
    );
}

/// The self-test at the start, which shows that the list is read as it is written.
#[test]
fn a_socket_that_listens_is_found_by_its_own_address() {
    assert_eq!(owner_in(&usual(), ends(FRONT, "0.0.0.0:0")), Ok(SocketOwner::Uid(501)));
}

#[test]
fn closed_connection_has_no_process() {
    assert_eq!(owner_in(&usual(), ends("127.0.0.1:50002", FRONT)), Ok(SocketOwner::NoProcess));
    for elsewhere in ["127.0.0.1:50003", "127.0.0.2:50000"] {
        assert_eq!(owner_in(&usual(), ends(elsewhere, FRONT)), Ok(SocketOwner::NoProcess), "{elsewhere}");
    }
}

#[test]
fn a_list_that_is_cut_anywhere_tells_nothing() {
    let list = usual();
    for length in 0..list.len() {
        assert!(owner_in(&list[..length], ends("127.0.0.1:50000", FRONT)).is_err(), "{length}");
    }
}

#[test]
fn a_list_that_contradicts_itself_tells_nothing() {
    let (front, peer) = (at(FRONT), at("127.0.0.1:50000"));
    let asked = ends("127.0.0.1:50000", FRONT);
    let twice = list(&[(peer, front, socket(1, 501)), (peer, front, socket(2, 502))]);
    assert!(owner_in(&twice, asked).is_err());
    let without =
        [generation(1), addresses(peer, front), addresses(front, peer), socket(1, 501), generation(1)]
            .concat();
    assert!(owner_in(&without, asked).is_err());
    let none = [generation(1), addresses(peer, front), generation(1)].concat();
    assert!(owner_in(&none, asked).is_err());
    let udp = {
        let mut socket = socket(1, 501);
        socket[36..40].copy_from_slice(&17_u32.to_ne_bytes());
        list(&[(peer, front, socket)])
    };
    assert!(owner_in(&udp, asked).is_err());
    let mut endless = usual();
    endless[24..28].copy_from_slice(&u32::MAX.to_ne_bytes());
    assert!(owner_in(&endless, asked).is_err());
}

#[test]
fn list_tells_who_is_at_a_port() {
    let local = at(FRONT);
    let found = occupants(&usual(), &[2345]).unwrap();
    assert_eq!(
        found,
        [
            Occupant { local, only_v6: false, owner: SocketOwner::Uid(501), does: Does::Listen },
            Occupant { local, only_v6: false, owner: SocketOwner::Uid(503), does: Does::Connect },
        ]
    );
    let found = occupants(&usual(), &[50002, 50001]).unwrap();
    let owners: Vec<SocketOwner> = found.iter().map(|one| one.owner).collect();
    assert_eq!(owners, [SocketOwner::Uid(502), SocketOwner::NoProcess]);
    let list = usual();
    for length in 0..list.len() {
        assert!(occupants(&list[..length], &[2345]).is_err(), "{length}");
    }
}
