//! One invocation, from its command line to its exit code.

use crate::args::{self, Args, Refused};
use crate::files::Files;
use crate::load::{self, Load};
use crate::model::{Loader, State};
use crate::noise::Output;
use crate::services::Services;
use crate::{flush, show, tables, tokens, verbs};

/// For what pfctl has and the stand-in does not: no exit code of pfctl's.
pub const NOT_MIRRORED: i32 = 64;

/// The invocation's surroundings.
pub struct Surroundings {
    pub uid: u32,
    pub pid: u32,
    pub files: Files,
    pub services: Services,
    pub stdin: String,
}

pub fn run(state: &mut State, out: &mut Output, around: &Surroundings, argv: &[String]) -> i32 {
    if argv.first().is_some_and(|a| a == "--standin") {
        return verbs::run(state, out, &around.files, &around.services, &argv[1..], &around.stdin);
    }
    match args::parse(argv) {
        Ok(args) => {
            let mut code = invocation(state, out, around, &around.services.naming(args.names), &args);
            if code == -1 {
                code = usage(out, "");
            }
            if args.quiet && code == 0 {
                out.stderr.clear();
            }
            code
        }
        Err(Refused::Usage(why)) => usage(out, &why),
        Err(Refused::NotMirrored(letter)) => {
            out.err(format!("standin-pfctl: -{letter} is not mirrored"));
            NOT_MIRRORED
        }
    }
}

fn usage(out: &mut Output, why: &str) -> i32 {
    if !why.is_empty() {
        out.err(why);
    }
    out.err(args::USAGE);
    1
}

/// In pfctl's order: disable, show, flush, kill, table, load, enable. -1 asks for the usage.
fn invocation(
    state: &mut State,
    out: &mut Output,
    around: &Surroundings,
    services: &Services,
    args: &Args,
) -> i32 {
    let file = args.file.as_deref().filter(|_| args.table_command.is_none());
    if file.is_some() {
        out.flush_warning();
    }
    let asked = args.anchor.as_deref().unwrap_or_default();
    let anchor = match load::check_anchor(asked) {
        Ok(anchor) => anchor,
        Err(message) => return out.fail(message),
    };
    if args.dry_run {
        return file.map_or(0, |file| load_file(state, out, around, services, args, anchor, file));
    }
    if around.uid != 0 {
        return out.fail("/dev/pf: Permission denied");
    }
    out.no_altq();
    if args.disable {
        let code = tokens::disable(state, out);
        if code != 0 {
            return code;
        }
    }
    if let Some(token) = &args.release {
        let code = tokens::release(state, out, token);
        if code != 0 {
            return code;
        }
    }
    if let Some(word) = &args.show {
        if show::show(state, out, services, word, anchor, args.verbose).is_none() {
            return -1;
        }
    }
    if let Some(word) = &args.flush {
        if flush::flush(state, out, word, anchor).is_none() {
            return -1;
        }
    }
    if !args.kill.is_empty() {
        let code = flush::kill(state, out, &args.kill);
        if code != 0 {
            return code;
        }
    }
    let mut code = 0;
    if let (Some(table), Some(command)) = (&args.table, &args.table_command) {
        let mut words = args.rest.clone();
        if let Some(file) = &args.file {
            match text_of(around, file) {
                Ok(text) => words.extend(text.split_whitespace().map(str::to_owned)),
                Err(message) => return out.fail(message),
            }
        }
        code = tables::run(state, out, anchor, table, command, &words).unwrap_or(-1);
    }
    if let Some(file) = file {
        let loaded = load_file(state, out, around, services, args, anchor, file);
        if loaded != 0 {
            return loaded;
        }
    }
    if args.enable {
        code = tokens::enable(state, out);
    }
    if args.enable_with_token {
        code = tokens::enable_with_token(state, out, around.pid);
    }
    code
}

fn text_of(around: &Surroundings, file: &str) -> Result<String, String> {
    if file == "-" {
        return Ok(around.stdin.clone());
    }
    around.files.read(file).map_err(|_| format!("{file}: No such file or directory"))
}

fn load_file(
    state: &mut State,
    out: &mut Output,
    around: &Surroundings,
    services: &Services,
    args: &Args,
    anchor: &str,
    file: &str,
) -> i32 {
    let text = match text_of(around, file) {
        Ok(text) => text,
        Err(message) => {
            out.fail(message);
            return if args.dry_run {
                1
            } else {
                out.fail("Syntax error in config file: pf rules not loaded")
            };
        }
    };
    let definitions: String =
        args.definitions.iter().map(|(name, value)| format!("{name} = \"{value}\"\n")).collect();
    let what = Load {
        name: if file == "-" { "stdin" } else { file },
        text: &format!("{definitions}{text}"),
        anchor,
        dry_run: args.dry_run,
        verbose: args.verbose > 0,
        loader: Loader { uid: around.uid, pid: around.pid },
    };
    load::load(state, out, &around.files, services, &what)
}

#[cfg(test)]
pub mod tests;
