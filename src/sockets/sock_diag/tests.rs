use super::*;

fn ends(peer: &str, front: &str) -> Ends {
    Ends { peer: peer.parse().unwrap(), front: front.parse().unwrap() }
}

fn v4() -> Ends {
    ends("127.0.0.1:54321", "127.0.0.2:2345")
}

/// A message to or from the kernel, written out field by field.
fn message(kind: u16, sequence: u32, fields: &[&[u8]]) -> Vec<u8> {
    let payload = fields.concat();
    let mut out = Vec::new();
    out.extend((16 + payload.len() as u32).to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend([0, 0]);
    out.extend(sequence.to_ne_bytes());
    out.extend([0xee; 4]);
    out.extend(payload);
    out
}

const V4: [u8; 32] =
    [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Ports 54321 and 2345.
const PORTS: [u8; 4] = [0xd4, 0x31, 0x09, 0x29];

fn socket(family: u8, ports: [u8; 4], addresses: &[u8], uid: u32, inode: u32) -> Vec<u8> {
    let (uid, inode) = (uid.to_ne_bytes(), inode.to_ne_bytes());
    message(20, 7, &[&[family, 1, 0, 0], &ports, addresses, &[0; 12], &[0; 12], &uid, &inode])
}

fn mapped(last: u8) -> [u8; 16] {
    let mut ip = [0; 16];
    ip[10..].copy_from_slice(&[0xff, 0xff, 127, 0, 0, last]);
    ip
}

#[test]
fn query_names_the_client_end_in_network_order() {
    let asked = question(7, v4());
    let header = message(20, 7, &[]);
    assert_eq!(asked.len(), 72);
    assert_eq!(asked[..4], 72_u32.to_ne_bytes());
    assert_eq!(asked[4..6], header[4..6]);
    assert_eq!(asked[6..8], 1_u16.to_ne_bytes(), "a request, and no dump");
    assert_eq!(asked[8..12], 7_u32.to_ne_bytes());
    assert_eq!(asked[16..20], [2, 6, 0, 0], "IPv4, TCP");
    assert_eq!(asked[20..24], [0xff; 4], "in any state");
    assert_eq!(asked[24..28], PORTS);
    assert_eq!(asked[28..60], V4);
    assert_eq!(asked[60..64], 1_u32.to_ne_bytes());
    assert_eq!(asked[64..72], [0xff; 8]);
}

#[test]
fn ipv4_is_asked_for_as_ipv4_however_it_is_written() {
    assert_eq!(question(7, ends("[::ffff:127.0.0.1]:54321", "[::ffff:127.0.0.2]:2345")), question(7, v4()));
    let asked = question(7, ends("[::1]:54321", "[::1]:2345"));
    assert_eq!(asked[16..18], [10, 6], "IPv6, TCP");
    let mut loopback = [0; 16];
    loopback[15] = 1;
    assert_eq!(asked[28..60], [loopback, loopback].concat());
}

#[test]
fn link_local_client_is_asked_for_with_its_interface() {
    let asked = question(7, ends("[fe80::5%3]:54321", "[fe80::1%3]:2345"));
    assert_eq!(asked[60..64], 3_u32.to_ne_bytes());
}

#[test]
fn an_answer_tells_the_user() {
    assert_eq!(
        answer(&socket(2, PORTS, &V4, 1000, 12), 7, v4()),
        Ok(KernelAnswer::Socket(SocketOwner::Uid(1000)))
    );
    let as_ipv6 = socket(10, PORTS, &[mapped(1), mapped(2)].concat(), 1000, 12);
    assert_eq!(answer(&as_ipv6, 7, v4()), Ok(KernelAnswer::Socket(SocketOwner::Uid(1000))));
    let attributes = [socket(2, PORTS, &V4, 1000, 12), vec![5, 0, 8, 0, 0, 0, 0, 0]].concat();
    assert_eq!(answer(&attributes, 7, v4()), Ok(KernelAnswer::Socket(SocketOwner::Uid(1000))));
}

#[test]
fn socket_without_an_inode_is_not_root_s() {
    assert_eq!(
        answer(&socket(2, PORTS, &V4, 0, 0), 7, v4()),
        Ok(KernelAnswer::Socket(SocketOwner::NoProcess))
    );
}

#[test]
fn answer_for_another_socket_is_rejected() {
    let listening = socket(2, [0xd4, 0x31, 0, 0], &[&V4[..16], &[0; 16]].concat(), 1000, 12);
    let ours = socket(2, [0x09, 0x29, 0xd4, 0x31], &[&V4[16..], &V4[..16]].concat(), 1000, 12);
    let elsewhere = socket(2, PORTS, &[&V4[..16], &[127, 0, 0, 3], &[0; 12]].concat(), 1000, 12);
    for other in [listening, ours, elsewhere] {
        assert_eq!(answer(&other, 7, v4()), Ok(KernelAnswer::Socket(SocketOwner::NoProcess)));
    }
}

#[test]
fn an_error_is_an_errno() {
    let error = |errno: i32| message(2, 7, &[&(-errno).to_ne_bytes(), &question(7, v4())]);
    assert_eq!(answer(&error(libc::ENOENT), 7, v4()), Ok(KernelAnswer::None));
    assert_eq!(answer(&error(libc::EPERM), 7, v4()), Ok(KernelAnswer::Errno(libc::EPERM)));
}

#[test]
fn an_answer_to_another_question_is_told_apart() {
    assert_eq!(answer(&socket(2, PORTS, &V4, 1000, 12), 8, v4()), Ok(KernelAnswer::Another));
}

#[test]
fn what_is_cut_or_no_answer_is_an_error_and_no_user() {
    let whole = socket(2, PORTS, &V4, 1000, 12);
    for length in 0..whole.len() {
        assert!(answer(&whole[..length], 7, v4()).is_err(), "{length} bytes");
        let mut cut = whole[..length].to_vec();
        if length >= 4 {
            cut[..4].copy_from_slice(&(length as u32).to_ne_bytes());
            assert!(answer(&cut, 7, v4()).is_err(), "{length} bytes that say so");
        }
    }
    assert!(answer(&socket(1, PORTS, &V4, 1000, 12), 7, v4()).is_err(), "a Unix socket");
    assert!(answer(&message(3, 7, &[]), 7, v4()).is_err(), "the end of a dump");
}

fn entry(sequence: u32, state: u8, port: u16, uid: u32, inode: u32) -> Vec<u8> {
    let (ports, uid, inode) = ([port.to_be_bytes(), [0, 0]].concat(), uid.to_ne_bytes(), inode.to_ne_bytes());
    message(20, sequence, &[&[2, state, 0, 0], &ports, &V4, &[0; 12], &[0; 12], &uid, &inode])
}

#[test]
fn dump_asks_for_all_sockets_of_its_ports() {
    let asked = dump(7, libc::AF_INET6, &[2345, 40001]);
    assert_eq!(asked[..4], 108_u32.to_ne_bytes());
    assert_eq!(asked[6..8], 0x301_u16.to_ne_bytes(), "a request, and a dump");
    assert_eq!(asked[16..20], [10, 6, 0, 0], "IPv6, TCP");
    assert_eq!(asked[20..24], [0xff; 4], "in any state");
    assert!(asked[24..72].iter().all(|byte| *byte == 0), "whatever the addresses");
    let op = |code: u8, yes: u8, no: u16| [&[code, yes][..], &no.to_ne_bytes()].concat();
    let port = |port: u32| [&[0; 4], &port.to_ne_bytes()[..]].concat();
    let first = [op(7, 12, 16), port(2345), op(1, 4, 20)].concat();
    let last = [op(7, 12, 20), port(40001), op(1, 4, 4)].concat();
    let attribute = [36_u16.to_ne_bytes(), 1_u16.to_ne_bytes()].concat();
    assert_eq!(asked[72..], [attribute, first, last].concat());
}

#[test]
fn dump_tells_each_socket_with_its_user() {
    let mut found = Vec::new();
    let first = [entry(7, 10, 2345, 1000, 12), entry(7, 1, 2345, 1001, 13)].concat();
    assert_eq!(part(&first, 7, &mut found), Ok(DumpPart::More));
    let stale = [entry(6, 10, 2345, 9, 9), message(3, 6, &[&[0; 4]])].concat();
    assert_eq!(part(&stale, 7, &mut found), Ok(DumpPart::More), "of a dump that was given up");
    let last = [entry(7, 6, 2345, 0, 0), entry(7, 13, 2345, 0, 14), message(3, 7, &[&[0; 4]])].concat();
    assert_eq!(part(&last, 7, &mut found), Ok(DumpPart::Last));
    let local = "127.0.0.1:2345".parse().unwrap();
    let is = |owner, does| Occupant { local, only_v6: false, owner, does };
    assert_eq!(
        found,
        [
            is(SocketOwner::Uid(1000), Does::Listen),
            is(SocketOwner::Uid(1001), Does::Connect),
            is(SocketOwner::NoProcess, Does::Connect),
            is(SocketOwner::Uid(0), Does::Wait),
        ]
    );
}

#[test]
fn dump_tells_which_socket_takes_no_ipv4() {
    let attribute =
        |kind: u16, value: u8| [&5_u16.to_ne_bytes()[..], &kind.to_ne_bytes(), &[value, 0, 0, 0]].concat();
    let with = |attributes: &[u8]| {
        let ports = [2345_u16.to_be_bytes(), [0, 0]].concat();
        let parts: [&[u8]; 8] =
            [&[10, 10, 0, 0], &ports, &[0; 32], &[0; 12], &[0; 12], &[0; 4], &[1; 4], attributes];
        let mut found = Vec::new();
        part(&[message(20, 7, &parts), message(3, 7, &[&[0; 4]])].concat(), 7, &mut found)?;
        Ok::<bool, MalformedDump>(found[0].only_v6)
    };
    assert_eq!(with(&[]), Ok(false));
    assert_eq!(with(&[attribute(8, 1), attribute(11, 1)].concat()), Ok(true));
    assert_eq!(with(&attribute(11, 0)), Ok(false));
    assert!(with(&[3, 0, 11, 0]).is_err() && with(&[9, 0, 11, 0]).is_err(), "cut");
}

#[test]
fn dump_that_is_cut_or_interrupted_tells_nothing() {
    let whole = entry(7, 10, 2345, 1000, 12);
    for length in 1..whole.len() {
        assert!(part(&whole[..length], 7, &mut Vec::new()).is_err(), "{length} bytes");
    }
    let mut interrupted = whole;
    interrupted[6..8].copy_from_slice(&0x10_u16.to_ne_bytes());
    assert!(part(&interrupted, 7, &mut Vec::new()).is_err());
    let refused = message(2, 7, &[&(-libc::ENOENT).to_ne_bytes()]);
    assert_eq!(part(&refused, 7, &mut Vec::new()), Ok(DumpPart::Errno(libc::ENOENT)));
}
