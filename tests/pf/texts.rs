//! The rules that dlvgate loads, and their read-back form.

/// A gate that is open for peers on other machines.
pub fn guarded(port: u16, peers: &str) -> String {
    format!(
        "table <peers> persist {{ {peers} }}\n\
         pass in quick proto tcp from <peers> to any port {port} no state label \"dlvgate:{port}\"\n\
         pass out quick proto tcp from any port {port} to <peers> flags A/A no state label \"dlvgate:{port}\"\n{}",
        shut(port)
    )
}

/// A gate that is shut for everybody.
pub fn shut(port: u16) -> String {
    format!("block return in log quick proto tcp from any to any port {port} label \"dlvgate:{port}:deny\"\n")
}

/// A gate that is open for one user of this machine.
pub fn guarded_on_loopback(port: u16, peers: &str, uid: u32) -> String {
    format!(
        "table <peers> persist {{ {peers} }}\n\
         block return out log quick on lo0 proto tcp from any to any port {port} user != {uid} label \"dlvgate:{port}:user\"\n\
         pass quick on lo0 proto tcp from <peers> to any port {port} no state label \"dlvgate:{port}\"\n\
         pass quick on lo0 proto tcp from any port {port} to <peers> flags A/A no state label \"dlvgate:{port}\"\n{}",
        shut(port)
    )
}

/// A gate that is open for a link-local peer.
pub fn guarded_on_link(port: u16, peer: &str, interface: &str) -> String {
    let on = format!("quick on {interface} inet6 proto tcp from");
    format!(
        "pass in {on} {peer} to any port {port} no state label \"dlvgate:{port}\"\n\
         pass out {on} any port {port} to {peer} flags A/A no state label \"dlvgate:{port}\"\n{}",
        shut(port)
    )
}

/// What `pfctl -s rules` prints of them: no tables, and `port = N`.
pub fn printed(text: &str) -> Vec<String> {
    let rules = text.lines().filter(|line| !line.starts_with("table "));
    rules.map(|rule| rule.replace(" port ", " port = ")).collect()
}
