//! A text without what differs from one run to the next.

/// How a text ends that dlv has cut: only as far as the shorter of two goes can they be compared.
const CUT: char = '✂';

/// What an address becomes.
const ADDRESS: &str = "0x…";

/// Shortest hexadecimal number that is an address.
const ADDRESS_DIGITS: usize = 5;

/// A text without what differs from run to run.
pub(crate) fn text(given: &str) -> String {
    with_addresses(given).0
}

/// The same, and the addresses that were in it, as far as their order is theirs: not those in a
/// map. `None` for one that dlv has cut.
pub(crate) fn with_addresses(given: &str) -> (String, Vec<Option<&str>>) {
    let mut normal = String::with_capacity(given.len());
    let mut rest = given;
    let mut addresses = Vec::new();
    while let Some(first) = rest.chars().next() {
        let before = normal.chars().next_back();
        let taken = match first {
            '/' if before
                .is_none_or(|before| !before.is_alphanumeric() && before != '.' && before != '/') =>
            {
                path(rest, &mut normal)
            }
            '1'..='9' if is_time(rest) => time(rest, &mut normal),
            '0' if rest.starts_with("0x") => {
                let taken = address(rest, &mut normal);
                let whole = |taken: &usize| !rest[*taken..].starts_with("...");
                addresses.extend(taken.map(|taken| Some(taken).filter(whole).map(|taken| &rest[..taken])));
                taken
            }
            '0'..='9' if is_counted(&normal) || is_target(&normal, rest) => number(rest, &mut normal),
            '[' if is_map(&normal) => entries(rest, &mut normal),
            ' ' if rest.starts_with(ON_THREAD) => on_thread(rest),
            _ => None,
        };
        let taken = taken.unwrap_or_else(|| {
            normal.push(first);
            first.len_utf8()
        });
        rest = &rest[taken..];
    }
    (with_cut_marked(normal), addresses)
}

/// Where dlv cuts a long text depends on how long the addresses in it are, and on the order of a
/// map.
fn with_cut_marked(mut normal: String) -> String {
    let varies = normal.contains(ADDRESS) || normal.contains(ENTRIES);
    if let Some(kept) = normal.trim_end_matches('"').strip_suffix("...").filter(|_| varies) {
        normal.truncate(kept.len());
        normal.push(CUT);
    }
    normal
}

/// Whether two texts in their normal form say the same, as far as dlv let them.
pub(crate) fn alike(one: &str, other: &str) -> bool {
    match (one.strip_suffix(CUT), other.strip_suffix(CUT)) {
        (None, None) => one == other,
        (Some(cut), None) => other.starts_with(cut),
        (None, Some(cut)) => one.starts_with(cut),
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
    }
}

/// The last name of a path of at least two.
fn path(text: &str, normal: &mut String) -> Option<usize> {
    let is_part = |char: char| char.is_alphanumeric() || "/._-+@~%!$".contains(char);
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let (folder, name) = text[..end].rsplit_once('/')?;
    if folder.is_empty() || text.starts_with("//") {
        return None;
    }
    normal.push_str("…/");
    // dlv's built binaries have a random number in their name.
    normal.push_str(if name.starts_with("__debug_bin") { "__debug_bin" } else { name });
    Some(end)
}

/// What the entries of a map become.
const ENTRIES: &str = "[…";

/// Whether the entries of a map follow, after its type and their number.
fn is_map(before: &str) -> bool {
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    before.ends_with(' ')
        && line.rsplit_once("map[").is_some_and(|(_, kind)| !kind.contains([':', '"', '{', ',']))
}

/// The entries of a map come in any order, and where there are many, some of them.
fn entries(text: &str, normal: &mut String) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            normal.push_str(ENTRIES);
            normal.push(']');
            return Some(at + 1);
        }
    }
    normal.push_str(ENTRIES);
    normal.push_str("...");
    Some(text.len())
}

/// Whether a goroutine is on a thread of the system just then.
const ON_THREAD: &str = " (Thread ";

fn on_thread(text: &str) -> Option<usize> {
    let number = text[ON_THREAD.len()..].find(')')?;
    Some(ON_THREAD.len() + number + 1)
}

/// RFC 3339, as Go writes it: `2026-11-24T11:42:34.867866855Z`.
fn is_time(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00";
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    text.len() >= shape.len() && text.as_bytes().iter().zip(shape).all(fits)
}

fn time(text: &str, normal: &mut String) -> Option<usize> {
    normal.push_str("(time)");
    let is_part = |char: char| char.is_ascii_digit() || "-:.+TZ".contains(char);
    Some(text.find(|char| !is_part(char)).unwrap_or(text.len()))
}

fn address(text: &str, normal: &mut String) -> Option<usize> {
    let digits = text[2..].find(|char: char| !char.is_ascii_hexdigit()).unwrap_or(text.len() - 2);
    // dlv cuts long texts, also in the middle of an address.
    (digits >= ADDRESS_DIGITS || text[2 + digits..].starts_with("...")).then(|| {
        normal.push_str(ADDRESS);
        digits + 2
    })
}

/// Whether the number after this text differs per run: a process's, a thread's, a goroutine's.
fn is_counted(before: &str) -> bool {
    [
        "Process ",
        "Thread ",
        "thread ",
        "pid ",
        "process ",
        "[Go ",
        "oroutine ",
        "__debug_bin",
        "Detaching from process ",
    ]
    .iter()
    .any(|word| before.ends_with(word))
}

/// Whether the process id in a row of `target list` follows: a star for the selected one, the id,
/// the command line.
fn is_target(before: &str, text: &str) -> bool {
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    matches!(line, "\t" | "*\t")
        && text.trim_start_matches(|char: char| char.is_ascii_digit()).starts_with('\t')
}

fn number(text: &str, normal: &mut String) -> Option<usize> {
    normal.push('N');
    Some(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_what_is_of_one_run() {
        for (given, normal) in [
            ("Process 4711 has exited with status 0\n", "Process N has exited with status 0\n"),
            ("* [Go 17] main.worker (Thread 4713)", "* [Go N] main.worker"),
            ("*\t4711\t/a/b 17\n\t4712\t/a/c\n", "*\tN\t…/b 17\n\tN\t…/c\n"),
            ("\t4711 of 5\ta\t12\t", "\t4711 of 5\ta\t12\t"),
            ("Building /home/me/app", "Building …/app"),
            ("open /tmp/x-1/__debug_bin4711: no such file", "open …/__debug_bin: no such file"),
            ("(*main.Order)(0xc000012345)", "(*main.Order)(0x…)"),
            ("*(*main.Order)(0xc0...", "*(*main.Order)(0x…✂"),
            ("N: map[string]string [\"a\": \"yes, wi...", "N: map[string]string […✂"),
            ("Notes: map[string]string [\"a\": \"x]\", ...], N: 3}", "Notes: map[string]string […], N: 3}"),
            ("map[string][]int [\"k\": []int len: 1, cap: 1, [7], ]", "map[string][]int […]"),
            ("[]int len: 2, cap: 2, [1,2]", "[]int len: 2, cap: 2, [1,2]"),
            ("at 2026-11-24T11:42:34.867866855Z it was", "at (time) it was"),
            ("a/b and 1/2 and // and 0x1f", "a/b and 1/2 and // and 0x1f"),
            ("http://example.org/a/b", "http://example.org/a/b"),
            ("could not find file /a/b/main.go:12", "could not find file …/main.go:12"),
        ] {
            assert_eq!(text(given), normal);
        }
    }

    #[test]
    fn addresses_are_those_outside_of_maps() {
        let text =
            "(*main.T)(0xc000012345): map[int]*int [1: *(*int)(0xc0000abcde), ], 0x1f, p: (*int)(0xc0000...";
        assert_eq!(with_addresses(text).1, [Some("0xc000012345"), None]);
    }

    #[test]
    fn what_dlv_has_cut_is_compared_as_far_as_it_goes() {
        let alike =
            |one: &str, other: &str| alike(&text(one), &text(other)) && alike(&text(other), &text(one));
        let whole = "[(*main.Line)(0xc000012345)], Notes: map[string]string [\"gift\": \"yes\", ]}";
        for cut in [
            "[(*main.Line)(0x24257e3a0080)], Notes: map[string]string [\"gift\": \"y...",
            "[(*main.Line)(0x24257e3a0080)], No...",
            "[(*main.Line)(0x24257e...",
        ] {
            assert!(alike(cut, whole), "{cut}");
            assert!(alike(cut, "[(*main.Line)(0x24257e3a..."), "{cut}");
        }
        assert!(!alike("[(*main.Line)(0x24257e3a0080)], Other: ...", whole));
        assert!(!alike("[(*main.Line)(0x24257e3a0080)]", whole));
        assert!(!alike("loading...", "loading"));
    }
}
