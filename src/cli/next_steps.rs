//! What to do next: printed on a terminal when a server listens.

use std::io::IsTerminal;
use std::net::SocketAddr;

use tracing::Level;

use crate::stdio::post;

/// Prints what to enter in GoLand and where to get other clients' configurations. Nothing without
/// a terminal, or where only warnings are wanted.
pub(super) fn print(front: &str, serves_json_rpc: bool) {
    if !std::io::stderr().is_terminal() || !tracing::enabled!(target: "dlvgate", Level::INFO) {
        return;
    }
    for line in lines(front, serves_json_rpc) {
        post!("  {line}");
    }
}

fn lines(front: &str, serves_json_rpc: bool) -> Vec<String> {
    let Ok(address) = front.parse::<SocketAddr>() else { return Vec::new() };
    let (is_everywhere, port) = (address.ip().is_unspecified(), address.port());
    let host = if is_everywhere { "this machine's address".to_owned() } else { address.ip().to_string() };
    let at = if is_everywhere { format!("HOST:{port}") } else { address.to_string() };
    let mut lines = vec![if serves_json_rpc {
        format!("GoLand: Run | Edit Configurations | + | Go Remote, Host {host}, Port {port}")
    } else {
        "GoLand: needs `dlvgate serve -- exec ./program --accept-multiclient`".to_owned()
    }];
    lines.push(format!("VS Code: dlvgate init vscode --at {at}   (also: neovim, helix, emacs, zed, lsp4ij)"));
    if address.ip().is_loopback() {
        lines.push(format!(
            "from another machine: ssh -L {port}:{address} HOST, then connect to 127.0.0.1:{port} there"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_the_address_for_the_client() {
        let lines = |front: &str, json_rpc| lines(front, json_rpc).join("\n");
        let here = lines("127.0.0.1:2345", true);
        assert!(
            here.contains("Host 127.0.0.1, Port 2345") && here.contains("ssh -L 2345:127.0.0.1:2345"),
            "{here}"
        );
        let everywhere = lines("0.0.0.0:2345", true);
        assert!(everywhere.contains("this machine's address") && !everywhere.contains("ssh"), "{everywhere}");
        assert!(lines("127.0.0.1:2345", false).contains("-- exec"));
        assert_eq!(lines("/run/dlv.sock", true), "");
    }
}
