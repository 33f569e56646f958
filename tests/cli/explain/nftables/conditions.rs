//! What random rules ask of a packet.

/// Every rule is for TCP only, so that nothing but the packets is counted. The greater-than
/// condition comes first: nft 1.0.6 prints `tcp sport < 5 tcp dport > 3` as `tcp dport != 5-3`.
pub const TCP: &[&str] = &[
    "meta l4proto 6",
    "tcp sport > 1023",
    "tcp dport > 2344",
    "tcp flags syn",
    "tcp dport 1-65535",
    "meta l4proto tcp meta l4proto != udp",
];

pub const ANY: &[&str] = &[
    "tcp dport 2345",
    "tcp dport { 22, 2340-2350 }",
    "tcp dport != @ports",
    "tcp dport @ports",
    "tcp dport 1000-3000",
    "th dport 22",
    "tcp sport 20000-25000",
    "tcp sport < 24000",
    "tcp sport != 22000-28000",
    "tcp sport != { 20000-22000, 24000-31000 }",
    "iifname \"eth1\"",
    "iifname \"e*\"",
    "iif \"lo\"",
    "iifname != \"lo\"",
    "iifname @names",
    "iifname { \"e*\", \"wlan0\" }",
    "oifname \"eth1\"",
    "oif != \"lo\"",
    "oifname != \"wlan0\"",
    "meta l4proto != 17",
    "meta skuid 65534",
    "meta skuid != 65534",
    "meta skuid { 0, 1000-2000 }",
    "ct state new",
    "ct state established,related",
    "ct state invalid",
    "ct state != new",
    "ct state != established,related",
    "ct state { new, untracked }",
    "ct state untracked",
    "ct direction original",
    "tcp flags & (fin|syn|rst|ack) == syn",
    "tcp flags != syn",
    "tcp flags ack",
    "tcp flags syn,ack",
    "tcp flags == syn",
    "tcp flags & (syn|ack) != 0",
    "iifname . tcp dport { \"eth1\" . 2345, \"lo\" . 22 }",
    // Not understood, or not to be told.
    "meta mark 5",
    "meta length 60",
    "meta pkttype 0",
    "limit rate 1000/second",
];

/// Conditions that go with none for TCP.
pub const OTHERS: &[&str] = &[
    "udp dport 2345",
    "udp dport != 2345",
    "meta l4proto { tcp, udp } th dport 2345",
    "meta l4proto { tcp, udp } th sport != 20000-24000",
    "meta l4proto != tcp",
];

pub const INET: &[&str] = &[
    "meta nfproto ipv4",
    "meta nfproto ipv6",
    "meta nfproto != ipv4",
    "meta protocol ip",
    "meta protocol ip6",
];

pub const IPV4: &[&str] = &[
    "ip saddr 10.1.1.1",
    "ip saddr 127.0.0.2",
    "ip saddr != 10.1.1.0/24",
    "ip saddr { 10.1.1.1, 10.1.2.0/24, 127.0.0.2 }",
    "ip saddr @nets",
    "ip saddr != @nets",
    "ip saddr @none",
    "ip saddr != @none",
    "ip saddr 10.1.1.0-10.1.1.9",
    "ip daddr 10.1.0.1",
    "ip daddr != 127.0.0.0/8",
    "ip daddr 0.0.0.0/0",
    "ip protocol tcp",
    "ip saddr . tcp dport { 10.1.1.1 . 2345, 10.1.2.0/24 . 20-30, 127.0.0.0/8 . 2345 }",
    "ip saddr & 255.255.0.255 == 10.1.0.1",
    "fib daddr type local",
];

pub const IPV6: &[&str] = &[
    "ip6 saddr fd01::11",
    "ip6 saddr != fd01::/120",
    "ip6 daddr { ::1, fd01::1 }",
    "ip6 saddr != fd01::11-fd01::12",
    "ip6 nexthdr tcp",
    "ip6 saddr . tcp dport { fd01::11 . 2345, ::1 . 22 }",
];
