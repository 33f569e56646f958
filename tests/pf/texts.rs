//! The rules as docs/firewall.md has them, with their read-back form.

/// A gate that is open for these peers.
pub fn guarded(port: u16, peers: &str) -> String {
    format!(
        "table <peers> persist {{ {peers} }}\n\
         pass in quick proto tcp from <peers> to any port {port} no state label \"dlvgate:{port}\"\n\
         pass out quick proto tcp from any port {port} to <peers> no state label \"dlvgate:{port}\"\n{}",
        shut(port)
    )
}

/// A gate that is shut for everybody.
pub fn shut(port: u16) -> String {
    format!("block return in log quick proto tcp from any to any port {port} label \"dlvgate:{port}:deny\"\n")
}

/// A loopback port that only programs of one user may connect to.
pub fn one_user(port: u16, uid: u32) -> String {
    format!(
        "block return out quick on lo0 proto tcp from any to any port {port} user != {uid}\n\
         pass quick on lo0 proto tcp from any to any port {port} no state\n\
         pass quick on lo0 proto tcp from any port {port} to any no state\n"
    )
}

/// What `pfctl -s rules` prints of them: no tables, and `port = N`.
pub fn printed(text: &str) -> Vec<String> {
    let rules = text.lines().filter(|line| !line.starts_with("table "));
    rules.map(|rule| rule.replace(" port ", " port = ")).collect()
}
