//! Asks the kernel for the names of all tables.
//!
//! nft reads every table with its rules before it prints their names, so that its time grows with
//! the gates of others; the kernel's own list does not (Linux, `net/netfilter/nf_tables_api.c`).

/// A table's family, as nft writes it, and its name.
pub(super) type TableName = (&'static str, String);

#[cfg(not(target_os = "linux"))]
pub(super) fn names() -> std::io::Result<Vec<TableName>> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
pub(super) use linux::names;

#[cfg(target_os = "linux")]
mod linux {
    use nix::errno::Errno;
    use nix::libc;
    use nix::sys::socket::SockProtocol;
    use std::io;

    use super::TableName;
    use crate::sockets::netlink::Netlink;

    /// Bytes of netlink's header, of nfnetlink's behind it, and of an attribute's.
    const HEADER: usize = 16;
    const MESSAGE: usize = HEADER + 4;
    const ATTRIBUTE: usize = 4;

    const GET_TABLE: u16 = (libc::NFNL_SUBSYS_NFTABLES << 8) as u16 | libc::NFT_MSG_GETTABLE as u16;
    const NEW_TABLE: u16 = (libc::NFNL_SUBSYS_NFTABLES << 8) as u16 | libc::NFT_MSG_NEWTABLE as u16;
    const TABLE_NAME: u16 = 1;

    /// The tables changed while they were listed.
    const INTERRUPTED: u16 = libc::NLM_F_DUMP_INTR as u16;

    /// Room for a part of the list: the kernel fills no more (`net/netlink/af_netlink.c`).
    const PART: usize = 32 * 1024;

    /// Parts of one list, of some 500 tables each: far more than a machine has.
    const PARTS: usize = 1024;

    /// # Errors
    /// If the kernel does not answer, or not completely.
    pub(in super::super) fn names() -> io::Result<Vec<TableName>> {
        let socket = Netlink::open(SockProtocol::NetlinkNetFilter)?;
        socket.send(&question())?;
        let (mut part, mut found) = (vec![0; PART], Vec::new());
        for _ in 0..PARTS {
            let length = socket.receive(&mut part)?;
            if read(&part[..length], &mut found)? {
                return Ok(found);
            }
        }
        Err(io::Error::other("the list of tables has no end"))
    }

    fn question() -> [u8; MESSAGE] {
        let mut question = [0; MESSAGE]; // of any family; the kernel fills in the sender
        question[..4].copy_from_slice(&(MESSAGE as u32).to_ne_bytes());
        question[4..6].copy_from_slice(&GET_TABLE.to_ne_bytes());
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
        question[6..8].copy_from_slice(&flags.to_ne_bytes());
        question
    }

    /// Reads one part, and says whether it was the last.
    fn read(mut part: &[u8], found: &mut Vec<TableName>) -> io::Result<bool> {
        while !part.is_empty() {
            let length = usize::try_from(u32::from_ne_bytes(bytes(part, 0)?)).map_err(io::Error::other)?;
            let message = part.get(..length).filter(|_| length >= HEADER).ok_or_else(malformed)?;
            let (kind, flags) =
                (u16::from_ne_bytes(bytes(message, 4)?), u16::from_ne_bytes(bytes(message, 6)?));
            if flags & INTERRUPTED != 0 {
                return Err(Errno::EINTR.into());
            }
            match i32::from(kind) {
                libc::NLMSG_DONE => return Ok(true),
                libc::NLMSG_ERROR => {
                    let errno = i32::from_ne_bytes(bytes(message, HEADER)?);
                    return Err(io::Error::from_raw_os_error(errno.saturating_neg()));
                }
                _ if kind == NEW_TABLE => found.extend(table(message)?),
                _ => return Err(malformed()),
            }
            part = &part[length.next_multiple_of(4).min(part.len())..];
        }
        Ok(false)
    }

    /// The table of a message; `None` for a family that nft does not know.
    fn table(message: &[u8]) -> io::Result<Option<TableName>> {
        let family = match *message.get(HEADER).ok_or_else(malformed)? {
            1 => "inet",
            2 => "ip",
            3 => "arp",
            5 => "netdev",
            7 => "bridge",
            10 => "ip6",
            _ => return Ok(None),
        };
        let mut attributes = message.get(MESSAGE..).ok_or_else(malformed)?;
        while !attributes.is_empty() {
            let length = usize::from(u16::from_ne_bytes(bytes(attributes, 0)?));
            let attribute = attributes.get(..length).filter(|_| length >= ATTRIBUTE).ok_or_else(malformed)?;
            if u16::from_ne_bytes(bytes(attribute, 2)?) == TABLE_NAME {
                let name = attribute[ATTRIBUTE..].strip_suffix(&[0]).ok_or_else(malformed)?;
                return Ok(Some((family, String::from_utf8_lossy(name).into_owned())));
            }
            attributes = &attributes[length.next_multiple_of(4).min(attributes.len())..];
        }
        Err(malformed())
    }

    fn bytes<const N: usize>(from: &[u8], at: usize) -> io::Result<[u8; N]> {
        from.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).ok_or_else(malformed)
    }

    fn malformed() -> io::Error {
        io::Error::other("the kernel's list of tables is cut, or not as it is known")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// What the kernel sends for a table of this family and name.
        fn sent(family: u8, name: &str) -> Vec<u8> {
            let length = ATTRIBUTE + name.len() + 1;
            let mut message = vec![0; MESSAGE];
            message[4..6].copy_from_slice(&NEW_TABLE.to_ne_bytes());
            message[HEADER] = family;
            message.extend((length as u16).to_ne_bytes());
            message.extend(TABLE_NAME.to_ne_bytes());
            message.extend(name.bytes().chain([0]));
            message.resize(message.len().next_multiple_of(4), 0);
            let length = message.len() as u32;
            message[..4].copy_from_slice(&length.to_ne_bytes());
            message
        }

        #[test]
        fn tables_are_read_with_their_families() {
            let mut done = vec![0; HEADER + 4];
            done[..4].copy_from_slice(&20_u32.to_ne_bytes());
            done[4..6].copy_from_slice(&(libc::NLMSG_DONE as u16).to_ne_bytes());
            let mut found = Vec::new();
            assert!(!read(&[sent(1, "filter"), sent(10, "nat")].concat(), &mut found).unwrap());
            assert!(read(&[sent(77, "unknown"), done].concat(), &mut found).unwrap());
            assert_eq!(found, [("inet", "filter".to_owned()), ("ip6", "nat".to_owned())]);
        }

        #[test]
        fn list_that_is_cut_anywhere_is_refused() {
            let whole = sent(2, "filter");
            for length in 1..whole.len() {
                assert!(read(&whole[..length], &mut Vec::new()).is_err(), "{length}");
            }
        }
    }
}
