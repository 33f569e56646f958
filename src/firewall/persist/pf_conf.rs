//! Marked lines in pf.conf: the anchors that the stock file has, for one that has lost them.

const BEGIN: &str = "# >>> dlvgate: written by `dlvgate firewall install --pf-conf` >>>\n";
const END: &str = "# <<< dlvgate <<<\n";

/// What macOS's own pf.conf has, and what a gate needs: its rules, and that fragments are put
/// together before them.
pub(super) const ANCHORS: [&str; 2] = ["scrub-anchor \"com.apple/*\"", "anchor \"com.apple/*\""];

/// Lines that come before scrub rules, in the order that pf.conf(5) asks for.
const BEFORE_SCRUB: [&str; 2] = ["set", "table"];

/// Lines that come before the filter rules besides.
const BEFORE_FILTER: [&str; 12] = [
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

/// Whether the file evaluates `com.apple/*` by lines of its own.
pub(super) fn has_anchors(text: &str) -> bool {
    ANCHORS.iter().all(|anchor| has(text, anchor))
}

fn has(text: &str, anchor: &str) -> bool {
    lines(text).any(|(_, line)| line.split_whitespace().eq(anchor.split_whitespace()))
}

/// The file with those of our lines that it lacks. Each comes before the first rule of its kind: a
/// filter rule with `quick` further up would decide first, and any scrub rule would.
pub(super) fn with_ours(text: &str) -> String {
    let [scrub, filter] = ANCHORS;
    let text = with(text, scrub, |line| !comes_before_scrub(line));
    with(&text, filter, is_filter_rule)
}

fn with(text: &str, anchor: &str, comes_after: fn(&str) -> bool) -> String {
    if has(text, anchor) {
        return text.to_owned();
    }
    let at = lines(text).find(|(_, line)| comes_after(line)).map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(at);
    // pf's grammar wants every line ended.
    let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{newline}{BEGIN}{anchor}\n{END}{after}")
}

/// The file without our lines; `None` if they are not there, or not whole.
pub(super) fn without_ours(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let text = format!("{before}{after}");
    Some(without_ours(&text).unwrap_or(text))
}

/// Each line that says something, with where it begins. A line that ends with a backslash goes on
/// in the next.
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

fn comes_before_scrub(line: &str) -> bool {
    let is_macro = line
        .split_once('=')
        .is_some_and(|(name, _)| name.trim().chars().all(|c| c.is_alphanumeric() || c == '_'));
    is_macro || BEFORE_SCRUB.contains(&first_word(line))
}

fn is_filter_rule(line: &str) -> bool {
    let word = first_word(line);
    !comes_before_scrub(line) && !BEFORE_FILTER.contains(&word) && !word.starts_with("dummynet")
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = "# mine\next = \"en0\"\nset skip on lo0\nscrub-anchor \"com.apple/*\"\nrdr-anchor \"com.apple/*\"\n\
                          block in quick on \\\n    $ext\npass out\n";

    #[test]
    fn our_lines_precede_all_rules_and_leave_no_trace() {
        assert!(!has_anchors(RECIPE));
        let with = with_ours(RECIPE);
        assert_eq!(with.matches(BEGIN).count(), 1, "it has the scrub-anchor: {with}");
        let (ours, block) = (with.find(BEGIN).unwrap(), with.find("block in").unwrap());
        assert!(with.find("rdr-anchor").unwrap() < ours && ours < block, "{with}");
        assert!(has_anchors(&with));
        assert_eq!(without_ours(&with).unwrap(), RECIPE);
    }

    #[test]
    fn lost_scrub_anchor_comes_before_scrub_rules() {
        for (before, after) in [
            ("set skip on lo0\next = \"en0\"\ntable <x> persist\n", "scrub in all\nblock in\n"),
            ("# mine\n", "no scrub in on en0\nanchor \"com.apple/*\"\n"),
            ("", "nat on en0 from any to any -> en1\npass\n"),
        ] {
            let text = format!("{before}{after}");
            let with = with_ours(&text);
            let scrub = format!("{before}{BEGIN}{}\n{END}", ANCHORS[0]);
            assert!(with.starts_with(&scrub) && has_anchors(&with), "{with}");
            assert_eq!(without_ours(&with).unwrap(), text);
        }
    }

    #[test]
    fn the_stock_file_has_the_line_already() {
        assert!(has_anchors("scrub-anchor \"com.apple/*\"\nanchor \"com.apple/*\"\n"));
        assert!(!has_anchors("# anchor \"com.apple/*\"\nscrub-anchor \"com.apple/*\"\n"));
        assert!(!has_anchors("anchor \"com.apple/*\"\n"));
    }

    #[test]
    fn a_file_without_a_rule_or_a_last_newline_is_taken() {
        let with = with_ours("set block-policy drop");
        assert!(with.starts_with("set block-policy drop\n# >>>") && with.ends_with(END), "{with}");
        assert_eq!(without_ours("pass\n"), None);
        assert_eq!(without_ours(&with_ours("")).unwrap(), "");
    }
}
