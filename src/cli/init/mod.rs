//! `dlvgate init`: a client's configuration for dlvgate.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use dlvgate_protocol::paths::PathRule;
use serde_json::{Value, json};

use super::assignments;
use super::exit::usage;
use crate::front::{Listen, ListenAddress};
use crate::shell::quoted;
use crate::stdio::{self, say};

const NEOVIM: &str = include_str!("neovim.lua");
const HELIX: &str = include_str!("helix.toml");
const EMACS: &str = include_str!("emacs.el");

/// Where the link to dlvgate is that docs/clients.md has its reader make, below the home folder.
const LINK: &str = "dlvgate/dlv";

/// Print a client's configuration for dlvgate
///
/// Prints what the client needs to reach `dlvgate serve`, on standard output; where it goes, on
/// standard error. JSON and the like can be redirected into a file that does not exist yet; into an
/// existing one, copy the part that is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate init vscode > .vscode/launch.json
  dlvgate init goland --at build-host:2345
  dlvgate init neovim --substitute-path /home/me/shop=/go/src/shop")]
pub(super) struct InitArgs {
    /// The client
    #[arg(value_enum)]
    client: ClientKind,
    /// Where the client reaches dlvgate: HOST:PORT, or PORT on this machine
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2345", value_parser = client_address)]
    at: ListenAddress,
    /// The project's folder for the client, and for dlv if it is another: CLIENT=SERVER. Not for
    /// helix, emacs and lsp4ij: give it to `dlvgate serve`
    #[arg(long, value_name = "CLIENT=SERVER", value_parser = assignments::rule)]
    substitute_path: Option<PathRule>,
}

/// The clients whose configuration is known; docs/clients.md and docs/goland.md have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientKind {
    Vscode,
    Goland,
    Neovim,
    Helix,
    Emacs,
    Zed,
    Lsp4ij,
}

/// An address that a client can connect to, and that stands in a configuration as it is.
fn client_address(text: &str) -> Result<ListenAddress, String> {
    let address = match text.parse()? {
        Listen::At(address) => address,
        Listen::Passed(_) => return Err(format!("`{text}`: write HOST:PORT, as the client reaches dlvgate")),
    };
    let is_plain = |char: char| char.is_alphanumeric() || ".-_:%".contains(char);
    match address.host() {
        "" | "0.0.0.0" | "::" => Err(format!("`{text}`: name the host that the client connects to")),
        _ if address.port() == 0 => Err(format!("`{text}`: name the port that the client connects to")),
        host if !host.chars().all(is_plain) => Err(format!("`{host}` is no name or address of a host")),
        _ => Ok(address),
    }
}

/// What a configuration is made of.
struct ClientSetup {
    host: String,
    port: u16,
    /// The link called `dlv` that leads to dlvgate, from the root or the home folder.
    link: PathBuf,
    /// The project's folder, as the client has it.
    project: String,
    map: Option<PathRule>,
}

pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    if let (Some(map), false) = (&args.substitute_path, args.client.has_a_place_for_a_rule()) {
        return Err(usage(format_args!(
            "--substitute-path: this client's configuration has no place for it; start `dlvgate serve --substitute-path {}`",
            quoted(map.to_string())
        )));
    }
    let home = match args.client.needs_the_link() {
        true => crate::variables::folder("HOME").context("HOME names no folder")?,
        false => PathBuf::new(),
    };
    let project = std::env::current_dir().context("this folder is not there any more")?;
    let setup = ClientSetup {
        host: args.at.host().to_owned(),
        port: args.at.port(),
        link: home.join(LINK),
        project: project.display().to_string(),
        map: args.substitute_path.clone(),
    };
    say!("{}", args.client.place());
    stdio::print(&setup.text(args.client))?;
    Ok(ExitCode::SUCCESS)
}

impl ClientKind {
    fn has_a_place_for_a_rule(self) -> bool {
        !matches!(self, ClientKind::Helix | ClientKind::Emacs | ClientKind::Lsp4ij)
    }

    /// Whether it starts what it takes for dlv.
    fn needs_the_link(self) -> bool {
        matches!(self, ClientKind::Helix | ClientKind::Emacs)
    }

    /// Where the configuration goes.
    fn place(self) -> &'static str {
        match self {
            ClientKind::Vscode => {
                ".vscode/launch.json, for `dlvgate serve` and for `dlvgate serve -- exec …`:"
            }
            ClientKind::Goland => "Run | Edit Configurations | + | Go Remote:",
            ClientKind::Neovim => "your nvim-dap configuration, such as ~/.config/nvim/lua/dap.lua:",
            ClientKind::Helix => {
                "~/.config/helix/languages.toml; make the link first: `ln -s \"$(command -v dlvgate)\" ~/dlvgate/dlv`"
            }
            ClientKind::Emacs => {
                "your Emacs configuration; make the link first: `ln -s \"$(command -v dlvgate)\" ~/dlvgate/dlv`"
            }
            ClientKind::Zed => ".zed/debug.json:",
            ClientKind::Lsp4ij => {
                "Run | Edit Configurations | + | Debug Adapter Protocol, Debug Mode Attach, with the address and port of dlvgate; \
                 DAP parameters:"
            }
        }
    }
}

impl ClientSetup {
    fn text(&self, client: ClientKind) -> String {
        match client {
            ClientKind::Vscode => pretty(&self.vscode()),
            ClientKind::Zed => pretty(&self.zed()),
            ClientKind::Lsp4ij => pretty(&lsp4ij()),
            ClientKind::Goland => self.goland(),
            ClientKind::Neovim => self.filled(NEOVIM),
            ClientKind::Helix => self.filled(HELIX),
            ClientKind::Emacs => self.filled(EMACS),
        }
    }

    fn vscode(&self) -> Value {
        let mut connect = json!({
            "name": "Connect to a program under dlvgate", "type": "go", "request": "attach", "mode": "remote",
            "debugAdapter": "dlv-dap", "host": self.host, "port": self.port,
        });
        self.map_in(&mut connect);
        json!({
            "version": "0.2.0",
            "configurations": [
                {
                    "name": "Debug through dlvgate", "type": "go", "request": "launch", "mode": "debug",
                    "program": "${workspaceFolder}", "host": self.host, "port": self.port,
                },
                connect,
            ],
        })
    }

    fn zed(&self) -> Value {
        let mut connect = json!({
            "label": "Connect to a program under dlvgate", "adapter": "Delve", "request": "attach", "mode": "remote",
            "tcp_connection": { "host": self.host, "port": self.port },
        });
        self.map_in(&mut connect);
        json!([
            {
                "label": "Debug through dlvgate", "adapter": "Delve", "request": "launch", "mode": "debug",
                "program": self.project,
                "tcp_connection": { "host": self.host, "port": self.port, "timeout": 10000 },
            },
            connect,
        ])
    }

    fn goland(&self) -> String {
        let mut text = format!(
            "Host           {}\nPort           {}\nOn disconnect  Leave it running, or Stop remote Delve process\n",
            self.host, self.port
        );
        text.push_str("\nStart the program under dlvgate, which GoLand connects to:\n\n  dlvgate serve");
        if let Some(map) = &self.map {
            text.push_str(&format!(" --substitute-path {}", quoted(map.to_string())));
        }
        text.push_str(" -- exec ./bin/server --accept-multiclient\n");
        text
    }

    fn map_in(&self, configuration: &mut Value) {
        if let Some(map) = &self.map {
            configuration["substitutePath"] = json!([{ "from": map.client, "to": map.server }]);
        }
    }

    fn filled(&self, template: &str) -> String {
        let map = self.map.as_ref().map_or_else(String::new, |PathRule { client, server }| {
            format!(",\n    substitutePath = {{ {{ from = {client:?}, to = {server:?} }} }}")
        });
        template
            .replace("{HOST}", &self.host)
            .replace("{PORT}", &self.port.to_string())
            .replace("{LINK}", &text_of(&self.link))
            .replace("{MAP}", &map)
    }
}

/// LSP4IJ's parameters: address and port are fields of its dialog.
fn lsp4ij() -> Value {
    json!({ "type": "go", "name": "Connect to dlvgate", "request": "attach", "mode": "remote" })
}

/// A path between quotes.
fn text_of(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENTS: &str = include_str!("../../../docs/clients.md");
    const GOLAND: &str = include_str!("../../../docs/goland.md");

    /// The setup that the pages show.
    fn shown() -> ClientSetup {
        ClientSetup {
            host: "127.0.0.1".to_owned(),
            port: 2345,
            link: "/home/me/dlvgate/dlv".into(),
            project: "/home/me/app".to_owned(),
            map: Some("${workspaceFolder}=/build/app".parse().unwrap()),
        }
    }

    /// The JSON of a page's blocks.
    fn json_blocks(page: &str) -> Vec<Value> {
        let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        blocks.filter_map(|block| serde_json::from_str(block).ok()).collect()
    }

    #[test]
    fn configurations_are_those_of_the_pages() {
        for (client, page) in
            [(ClientKind::Neovim, CLIENTS), (ClientKind::Helix, CLIENTS), (ClientKind::Emacs, CLIENTS)]
        {
            assert!(page.contains(&shown().text(client)), "{client:?}:\n{}", shown().text(client));
        }
        let zed = ClientSetup { map: Some("/home/me/app=/build/app".parse().unwrap()), ..shown() };
        for (value, page) in [(shown().vscode(), CLIENTS), (zed.zed(), CLIENTS), (lsp4ij(), GOLAND)] {
            assert!(json_blocks(page).contains(&value), "{value:#}");
        }
        for field in ["| Host |", "| Port |", "| On disconnect |"] {
            assert!(GOLAND.contains(field), "{field}");
        }
    }

    #[test]
    fn address_and_folders_are_the_user_s() {
        let setup = ClientSetup { host: "build-host".to_owned(), port: 4000, map: None, ..shown() };
        for client in ClientKind::value_variants() {
            let text = setup.text(*client);
            assert!(
                !text.contains("substitute") && !text.contains("{MAP}") && !text.contains("{HOST}"),
                "{text}"
            );
            let says_where = !matches!(client, ClientKind::Helix | ClientKind::Lsp4ij);
            assert_eq!(
                text.contains("build-host") && text.contains("4000"),
                says_where,
                "{client:?}: {text}"
            );
        }
        assert!(
            shown().text(ClientKind::Goland).contains("--substitute-path '${workspaceFolder}=/build/app'")
        );
    }

    #[test]
    fn only_what_a_client_can_reach_is_an_address() {
        for (text, is) in
            [("2345", "127.0.0.1:2345"), ("build-host:4000", "build-host:4000"), ("[::1]:1", "[::1]:1")]
        {
            assert_eq!(client_address(text).unwrap().to_string(), is);
        }
        for text in ["host:0", ":2345", "0.0.0.0:2345", "a\"b:2345", "a b:1", "fd:3", "h:+70"] {
            assert!(client_address(text).is_err(), "{text}");
        }
    }
}
