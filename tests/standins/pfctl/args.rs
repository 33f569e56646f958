//! pfctl's command line, by the rules of BSD getopt: options end at the first word that is none.

/// Options that take a value.
const WITH_VALUE: &str = "aDFfikKostTpxXz";
/// Options without one, mirrored here.
const PLAIN: &str = "deEMnqv";

#[derive(Debug, Default, PartialEq)]
pub struct Args {
    pub anchor: Option<String>,
    pub disable: bool,
    pub enable: bool,
    pub enable_with_token: bool,
    pub release: Option<String>,
    pub file: Option<String>,
    pub flush: Option<String>,
    pub kill: Vec<String>,
    pub dry_run: bool,
    pub quiet: bool,
    pub show: Option<String>,
    pub table: Option<String>,
    pub table_command: Option<String>,
    pub verbose: u8,
    /// Names for ports.
    pub names: bool,
    pub definitions: Vec<(String, String)>,
    /// Addresses of `-T`.
    pub rest: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub enum Refused {
    /// pfctl would print its usage.
    Usage(String),
    /// pfctl has it, the stand-in does not.
    NotMirrored(char),
}

pub const USAGE: &str = "usage: pfctl [-AdeEghmNnOqRrvz] [-a anchor] [-D macro=value] [-F modifier]
             [-f file] [-i interface] [-K host | network] [-k host | network]
             [-o level] [-p device] [-s modifier]
             [-t table -T command [address ...]] [-x level] [-X token]";

pub fn parse(argv: &[String]) -> Result<Args, Refused> {
    let mut args = Args::default();
    let mut words = argv.iter();
    while let Some(word) = words.as_slice().first() {
        let Some(cluster) = word.strip_prefix('-').filter(|c| !c.is_empty()) else { break };
        words.next();
        if cluster == "-" {
            break;
        }
        let mut letters = cluster.chars();
        while let Some(letter) = letters.next() {
            if WITH_VALUE.contains(letter) {
                let inline: String = letters.collect();
                let value = if inline.is_empty() { words.next().cloned() } else { Some(inline) };
                let value = value.ok_or_else(|| {
                    Refused::Usage(format!("pfctl: option requires an argument -- {letter}"))
                })?;
                args.valued(letter, value)?;
                break;
            }
            args.plain(letter)?;
        }
    }
    args.rest = words.cloned().collect();
    if args.table_command.is_some() != args.table.is_some() {
        return Err(Refused::Usage(String::new()));
    }
    if let (None, Some(word)) = (&args.table_command, args.rest.first()) {
        return Err(Refused::Usage(format!("pfctl: unknown command line argument: {word} ...")));
    }
    Ok(args)
}

impl Args {
    fn plain(&mut self, letter: char) -> Result<(), Refused> {
        match letter {
            'd' => self.disable = true,
            'e' => self.enable = true,
            'E' => self.enable_with_token = true,
            'M' => self.names = true,
            'n' => self.dry_run = true,
            'q' => self.quiet = true,
            'v' => self.verbose = self.verbose.saturating_add(1),
            'A' | 'g' | 'm' | 'N' | 'O' | 'R' | 'r' => return Err(Refused::NotMirrored(letter)),
            _ => return Err(Refused::Usage(format!("pfctl: illegal option -- {letter}"))),
        }
        debug_assert!(PLAIN.contains(letter));
        Ok(())
    }

    fn valued(&mut self, letter: char, value: String) -> Result<(), Refused> {
        match letter {
            'a' => self.anchor = Some(value),
            'f' => self.file = Some(value),
            'F' => self.flush = Some(value),
            'k' if self.kill.len() == 2 => {
                return Err(Refused::Usage("pfctl: can only specify -k twice".to_owned()));
            }
            'k' => self.kill.push(value),
            's' => self.show = Some(value),
            't' => self.table = Some(value),
            'T' => self.table_command = Some(value),
            'X' => self.release = Some(value),
            'D' => match value.split_once('=') {
                Some((name, value)) => self.definitions.push((name.to_owned(), value.to_owned())),
                None => {
                    return Err(Refused::Usage(format!("pfctl: could not parse macro definition {value}")));
                }
            },
            other => return Err(Refused::NotMirrored(other)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Result<Args, Refused> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_cluster_and_take_values_either_way() {
        let one = args("-a x -sr -vv").unwrap();
        assert_eq!((one.show.as_deref(), one.verbose), (Some("r"), 2));
        let two = args("-nvf -").unwrap();
        assert!(two.dry_run && two.file.as_deref() == Some("-"));
    }

    #[test]
    fn options_end_at_the_first_address() {
        assert_eq!(args("-t p -T add 10.0.0.1 -a x").unwrap().rest, ["10.0.0.1", "-a", "x"]);
    }

    #[test]
    fn a_stray_word_is_a_usage_error() {
        assert!(matches!(args("-e please"), Err(Refused::Usage(_))));
    }
}
