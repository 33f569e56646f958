//! Ports for programs that listen later.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// The first of `count` ports in a row that are free now, below the range from which the kernel gives others out.
/// No test gets those of another.
pub fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = 20_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    let is_free =
        |first: &u16| (0..count).all(|offset| TcpListener::bind(("127.0.0.1", first + offset)).is_ok());
    let mut tries = std::iter::repeat_with(|| own + NEXT.fetch_add(count, Ordering::Relaxed)).take(1_000);
    tries.find(is_free).expect("free ports")
}
