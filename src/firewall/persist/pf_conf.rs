//! Marked lines in pf.conf: the anchor that the stock file has, for one that has lost it.

const BEGIN: &str = "# >>> dlvgate: written by `dlvgate firewall install --pf-conf` >>>\n";
const END: &str = "# <<< dlvgate <<<\n";

/// What macOS's own pf.conf has, and what a gate needs.
pub(super) const ANCHOR: &str = "anchor \"com.apple/*\"";

/// Lines that come before the filter rules, in the order that pf.conf(5) asks for.
const BEFORE_FILTER: [&str; 14] = [
    "set",
    "table",
    "scrub",
    "altq",
    "queue",
    "nat",
    "rdr",
    "binat",
    "no",
    "nat-anchor",
    "rdr-anchor",
    "binat-anchor",
    "scrub-anchor",
    "dummynet-anchor",
];

/// Whether the file evaluates `com.apple/*` by a line of its own.
pub(super) fn has_anchor(text: &str) -> bool {
    lines(text).any(|(_, line)| line.split_whitespace().eq(ANCHOR.split_whitespace()))
}

/// The file with our lines before its first filter rule: one with `quick` further up would decide first.
pub(super) fn with_ours(text: &str) -> String {
    let at = lines(text).find(|(_, line)| is_filter_rule(line)).map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(at);
    // pf's grammar wants every line ended.
    let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{newline}{BEGIN}{ANCHOR}\n{END}{after}")
}

/// The file without our lines; `None` where they are not there, or not whole.
pub(super) fn without_ours(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{after}"))
}

/// Each line that says something, with where it begins. A line that ends with a backslash goes on in the next.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let mut goes_on = false;
    text.split_inclusive('\n').filter_map(move |line| {
        let (begin, is_first) = (at, !goes_on);
        at += line.len();
        goes_on = line.trim_end().ends_with('\\');
        let line = line.trim();
        (is_first && !line.is_empty() && !line.starts_with('#')).then_some((begin, line))
    })
}

fn is_filter_rule(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    let is_macro = line
        .split_once('=')
        .is_some_and(|(name, _)| name.trim().chars().all(|c| c.is_alphanumeric() || c == '_'));
    !is_macro && !BEFORE_FILTER.contains(&word) && !word.starts_with("dummynet")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = "# mine\next = \"en0\"\nset skip on lo0\nscrub-anchor \"com.apple/*\"\nrdr-anchor \"com.apple/*\"\n\
                          block in quick on \\\n    $ext\npass out\n";

    #[test]
    fn our_lines_come_before_the_first_rule_and_go_without_a_trace() {
        assert!(!has_anchor(RECIPE));
        let with = with_ours(RECIPE);
        let (ours, block) = (with.find(BEGIN).unwrap(), with.find("block in").unwrap());
        assert!(with.find("rdr-anchor").unwrap() < ours && ours < block, "{with}");
        assert!(has_anchor(&with));
        assert_eq!(without_ours(&with).unwrap(), RECIPE);
    }

    #[test]
    fn the_stock_file_has_the_line_already() {
        assert!(has_anchor("scrub-anchor \"com.apple/*\"\nanchor \"com.apple/*\"\n"));
        assert!(!has_anchor("# anchor \"com.apple/*\"\nnat-anchor \"com.apple/*\"\n"));
    }

    #[test]
    fn a_file_without_a_rule_or_a_last_newline_is_taken() {
        let with = with_ours("set block-policy drop");
        assert!(with.starts_with("set block-policy drop\n# >>>") && with.ends_with(END), "{with}");
        assert_eq!(without_ours("pass\n"), None);
        assert_eq!(without_ours(&with_ours("")).unwrap(), "");
    }
}
