//! Ports for programs that listen later.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};

/// Ports of a block: one run of the end-to-end tests takes several blocks.
const BLOCK: u16 = 50;

/// The first port of the first block, and the last block's: below the range from which the kernel
/// gives others out.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_700;

/// A block that no other test process has, and how much of it was given away. The UDP socket at its
/// first port says whose it is, for as long as this process lives.
struct Block {
    first: u16,
    given: u16,
    _owner: UdpSocket,
}

impl Block {
    fn after(first: u16) -> Block {
        let blocks = (first..=LAST).step_by(usize::from(BLOCK));
        let own = |first| {
            let owner = UdpSocket::bind((Ipv4Addr::LOCALHOST, first)).ok()?;
            Some(Block { first, given: 0, _owner: owner })
        };
        blocks.into_iter().find_map(own).expect("a block of ports that no other test has")
    }
}

/// The first of `count` ports in a row that are free now. No test gets those of another, in other
/// processes either.
pub fn free_ports(count: u16) -> u16 {
    static BLOCKS: Mutex<Vec<Block>> = Mutex::new(Vec::new());
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let Some(block) = blocks.last_mut().filter(|block| block.given + count <= BLOCK) else {
            let next = blocks.last().map_or(FIRST, |block| block.first + BLOCK);
            blocks.push(Block::after(next));
            continue;
        };
        let first = block.first + block.given;
        block.given += count;
        if (first..first + count).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return first;
        }
    }
}
