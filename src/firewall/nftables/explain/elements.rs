//! Whether a value is one of the elements of a right side: a number, an address, a prefix, a range,
//! a set.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value as Json;

use super::value::{FieldValue, NumberKind};
use crate::firewall::explain::Tristate;

/// The element that every value belongs to which belongs to no other.
const CATCH_ALL: &str = "*";

/// Whether one of these elements holds the value.
pub(super) fn any(value: &FieldValue, elements: &[Json]) -> Tristate {
    let mut reasons = Vec::new();
    for element in elements {
        match holds(value, element) {
            Tristate::Yes => return Tristate::Yes,
            Tristate::No => {}
            Tristate::Unknown(more) => reasons.extend(more),
        }
    }
    reasons.dedup();
    if reasons.is_empty() { Tristate::No } else { Tristate::Unknown(reasons) }
}

/// Whether this element is the one of all others.
pub(super) fn is_catch_all(element: &Json) -> bool {
    bare(element) == CATCH_ALL
}

/// Whether the element holds the value.
pub(super) fn holds(value: &FieldValue, element: &Json) -> Tristate {
    let element = bare(element);
    let not_understood = || Tristate::unknown(format!("`{element}` is not understood"));
    if element == CATCH_ALL {
        return Tristate::Yes;
    }
    match value {
        FieldValue::Absent => Tristate::No,
        FieldValue::Unknown(reason) => Tristate::unknown(reason.clone()),
        FieldValue::Number { kind, low, high } => match numbers(*kind, element) {
            Some((first, last)) if first <= *low && *high <= last => Tristate::Yes,
            Some((first, last)) if last < *low || *high < first => Tristate::No,
            Some(_) => Tristate::unknown("it depends on the source port (--from-port)".to_owned()),
            None => not_understood(),
        },
        FieldValue::Address(address) => addresses(element)
            .map_or_else(not_understood, |(first, last)| (first <= *address && *address <= last).into()),
        FieldValue::SomeAddress { is_ipv4, reason } => match addresses(element) {
            Some((first, _)) if first.is_ipv4() != *is_ipv4 => Tristate::No,
            Some((first, last)) if is_all(first, last) => Tristate::Yes,
            Some(_) => Tristate::unknown(reason.clone()),
            None => not_understood(),
        },
        FieldValue::Interface(name) => {
            element.as_str().map_or_else(not_understood, |wanted| is_named(name, wanted).into())
        }
        FieldValue::SomeInterface { but, reason } => match element.as_str() {
            Some(wanted) if wanted == *but => Tristate::No,
            Some(_) => Tristate::unknown(reason.clone()),
            None => not_understood(),
        },
        FieldValue::Concat(values) => match element.get("concat").and_then(Json::as_array) {
            Some(parts) if parts.len() == values.len() => {
                let pairs = values.iter().zip(parts);
                pairs.fold(Tristate::Yes, |all, (value, part)| all.and(|| holds(value, part)))
            }
            _ => not_understood(),
        },
    }
}

/// An element without its time-out, counter or comment.
fn bare(element: &Json) -> &Json {
    element.get("elem").and_then(|elem| elem.get("val")).unwrap_or(element)
}

/// The first and the last number.
pub(super) fn numbers(kind: NumberKind, element: &Json) -> Option<(u32, u32)> {
    match element.get("range").and_then(Json::as_array).map(Vec::as_slice) {
        Some([first, last]) => {
            let range = (kind.number(first)?, kind.number(last)?);
            // nft 1.0.6 prints `tcp sport < 5 tcp dport > 3` as `tcp dport != 5-3`.
            (range.0 <= range.1).then_some(range)
        }
        Some(_) => None,
        None => kind.number(element).map(|number| (number, number)),
    }
}

/// The first and the last address, of one family.
fn addresses(element: &Json) -> Option<(IpAddr, IpAddr)> {
    let address = |json: &Json| json.as_str()?.parse::<IpAddr>().ok();
    if let Some(prefix) = element.get("prefix") {
        let length = prefix.get("len")?.as_u64()?;
        let net = IpNet::new(address(prefix.get("addr")?)?, u8::try_from(length).ok()?).ok()?;
        return Some((net.network(), net.broadcast()));
    }
    if let Some([first, last]) = element.get("range").and_then(Json::as_array).map(Vec::as_slice) {
        let (first, last) = (address(first)?, address(last)?);
        return (first.is_ipv4() == last.is_ipv4()).then_some((first, last));
    }
    address(element).map(|address| (address, address))
}

fn is_all(first: IpAddr, last: IpAddr) -> bool {
    let (none, all) = match first {
        IpAddr::V4(_) => ([0; 4].into(), [255; 4].into()),
        IpAddr::V6(_) => ([0u16; 8].into(), [u16::MAX; 8].into()),
    };
    (first, last) == (none, all)
}

/// `eth*` is every name that begins so.
fn is_named(name: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) if !beginning.ends_with('\\') => name.starts_with(beginning),
        _ => name == wanted.replace("\\*", "*"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn address(text: &str) -> FieldValue {
        FieldValue::Address(text.parse().unwrap())
    }

    fn port(low: u32, high: u32) -> FieldValue {
        FieldValue::Number { kind: NumberKind::Port, low, high }
    }

    #[test]
    fn address_sets_hold_members_of_their_family_only() {
        let set = [
            json!({"prefix": {"addr": "10.0.0.0", "len": 8}}),
            json!({"range": ["192.168.1.1", "192.168.1.9"]}),
            json!({"elem": {"val": "1.2.3.4", "comment": "x"}}),
            json!("2001:db8::1"),
        ];
        for inside in ["10.255.255.255", "192.168.1.9", "1.2.3.4", "2001:db8::1"] {
            assert_eq!(any(&address(inside), &set), Tristate::Yes, "{inside}");
        }
        for outside in ["11.0.0.0", "192.168.1.10", "1.2.3.5", "2001:db8::2", "::10.0.0.1"] {
            assert_eq!(any(&address(outside), &set), Tristate::No, "{outside}");
        }
        assert_eq!(any(&address("10.0.0.1"), &[]), Tristate::No);
    }

    #[test]
    fn unknown_port_is_decided_where_all_ports_agree() {
        let holds = |element: Json| holds(&port(1024, 65535), &element);
        assert_eq!(holds(json!({"range": [1024, 65535]})), Tristate::Yes);
        assert_eq!(holds(json!(80)), Tristate::No);
        assert!(matches!(holds(json!(5000)), Tristate::Unknown(_)));
    }

    #[test]
    fn unknown_address_may_be_any_of_its_family() {
        let some = FieldValue::SomeAddress { is_ipv4: true, reason: "--to".to_owned() };
        assert_eq!(holds(&some, &json!({"prefix": {"addr": "0.0.0.0", "len": 0}})), Tristate::Yes);
        assert_eq!(holds(&some, &json!("::1")), Tristate::No);
        assert_eq!(holds(&some, &json!("10.0.0.1")), Tristate::Unknown(vec!["--to".to_owned()]));
    }

    #[test]
    fn an_interface_s_name_may_end_in_a_star() {
        let name = FieldValue::Interface("eth0".to_owned());
        assert_eq!(any(&name, &[json!("eth*"), json!("lo")]), Tristate::Yes);
        assert_eq!(any(&name, &[json!("wlan*"), json!("eth")]), Tristate::No);
        let some = FieldValue::SomeInterface { but: "lo", reason: "--interface".to_owned() };
        assert_eq!(holds(&some, &json!("lo")), Tristate::No);
        assert!(matches!(holds(&some, &json!("eth0")), Tristate::Unknown(_)));
    }

    #[test]
    fn of_a_concatenation_every_part_has_to_hold() {
        let both = FieldValue::Concat(vec![address("10.1.0.1"), port(80, 80)]);
        let ports = json!({"concat": [{"prefix": {"addr": "10.1.0.0", "len": 16}}, {"range": [80, 90]}]});
        assert_eq!(holds(&both, &ports), Tristate::Yes);
        assert_eq!(holds(&both, &json!({"concat": ["10.1.0.1", 81]})), Tristate::No);
        assert!(matches!(holds(&both, &json!({"concat": ["10.1.0.1"]})), Tristate::Unknown(_)));
    }

    #[test]
    fn what_is_no_element_of_its_kind_is_not_guessed() {
        for element in [
            json!("http"),
            json!({"jhash": {}}),
            json!({"range": [1]}),
            json!({"range": [90, 80]}),
            json!(true),
        ] {
            assert!(matches!(holds(&port(80, 80), &element), Tristate::Unknown(_)), "{element}");
            assert!(matches!(holds(&address("10.0.0.1"), &element), Tristate::Unknown(_)), "{element}");
        }
    }
}
