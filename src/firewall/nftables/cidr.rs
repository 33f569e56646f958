//! Networks as nft takes them, and as it prints them (libnftables-json(5)).

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

/// The right side of a match, or an element of a set: a whole address stands by itself.
pub(super) fn element(net: IpNet) -> Value {
    let address = net.addr().to_string();
    if net.prefix_len() == net.max_prefix_len() {
        return json!(address);
    }
    json!({"prefix": {"addr": address, "len": net.prefix_len()}})
}

/// Whether the elements of a set are the addresses of these networks, whichever way the intervals
/// are given: as addresses, prefixes or ranges, neighbours apart or as one.
pub(super) fn are(elements: &[Value], nets: &[IpNet]) -> bool {
    let printed: Option<Vec<Span>> = elements.iter().map(printed).collect();
    let wanted = nets.iter().map(|net| (number(net.network()), number(net.broadcast()))).collect();
    printed.is_some_and(|printed| joined(printed) == joined(wanted))
}

/// Whether two sets without a name hold the same addresses.
pub(super) fn are_same(one: &[Value], other: &[Value]) -> bool {
    let spans = |elements: &[Value]| elements.iter().map(printed).collect::<Option<Vec<_>>>().map(joined);
    matches!((spans(one), spans(other)), (Some(one), Some(other)) if one == other)
}

/// The first and the last address.
type Span = (u128, u128);

/// A set holds one family; an IPv4 address is the IPv6 address that stands for it.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn printed(element: &Value) -> Option<Span> {
    let address = |value: &Value| value.as_str()?.parse::<IpAddr>().ok();
    if let Some(range) = element.get("range") {
        return Some((number(address(range.get(0)?)?), number(address(range.get(1)?)?)));
    }
    let net = match element.get("prefix") {
        Some(prefix) => {
            let bits = u8::try_from(prefix.get("len")?.as_u64()?).ok()?;
            IpNet::new(address(prefix.get("addr")?)?, bits).ok()?
        }
        None => IpNet::from(address(element)?),
    };
    Some((number(net.network()), number(net.broadcast())))
}

/// The same addresses in the fewest spans, in order.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::new();
    for (first, last) in spans {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn whole_address_is_plain_and_network_is_a_prefix() {
        let elements: Vec<Value> =
            nets(&["192.0.2.5/32", "2001:db8::/32"]).into_iter().map(element).collect();
        assert_eq!(elements, [json!("192.0.2.5"), json!({"prefix": {"addr": "2001:db8::", "len": 32}})]);
    }

    #[test]
    fn intervals_are_the_same_however_they_are_printed() {
        let wanted = nets(&["192.0.2.5/32", "192.0.2.6/31", "198.51.100.0/24"]);
        let prefix = |address: &str, bits: u8| json!({"prefix": {"addr": address, "len": bits}});
        for elements in [
            vec![json!("192.0.2.5"), prefix("192.0.2.6", 31), prefix("198.51.100.0", 24)],
            vec![json!({"range": ["192.0.2.5", "192.0.2.7"]}), prefix("198.51.100.0", 24)],
            vec![prefix("198.51.100.0", 24), prefix("192.0.2.6", 31), json!("192.0.2.5")],
        ] {
            assert!(are(&elements, &wanted), "{elements:?}");
        }
        for elements in [
            vec![],
            vec![json!("192.0.2.5"), prefix("198.51.100.0", 24)],
            vec![json!({"range": ["192.0.2.5", "192.0.2.8"]}), prefix("198.51.100.0", 24)],
            vec![json!({"range": ["192.0.2.5", "192.0.2.7"]}), prefix("198.51.100.0", 23)],
            vec![json!({"range": ["192.0.2.5", "192.0.2.7"]}), prefix("198.51.100.0", 24), json!("::1")],
            vec![json!({"concat": ["192.0.2.5", 80]})],
        ] {
            assert!(!are(&elements, &wanted), "{elements:?}");
        }
    }

    #[test]
    fn everybody_is_one_interval() {
        assert!(are(&[json!({"prefix": {"addr": "::", "len": 0}})], &nets(&["::/0"])));
        assert!(are(&[json!({"range": ["0.0.0.0", "255.255.255.255"]})], &nets(&["0.0.0.0/0"])));
        assert!(!are(&[json!({"prefix": {"addr": "::", "len": 1}})], &nets(&["::/0"])));
    }
}
