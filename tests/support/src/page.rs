//! Tables of the documentation that a test makes.

use std::fs;

use crate::paths;

/// Checks that the table between the marks `<!-- MARK: begin -->` and `<!-- MARK: end -->` of this
/// page is the test's. `DLVGATE_WRITE_DOCS=1` rewrites it instead.
pub fn has_table(page: &str, mark: &str, table: &str) {
    let path = paths::repository().join(page);
    let (begin, end) = (format!("<!-- {mark}: begin -->\n"), format!("<!-- {mark}: end -->\n"));
    let text = fs::read_to_string(&path).expect("the page");
    let (head, rest) = text.split_once(&begin).expect("the table's place");
    let (there, tail) = rest.split_once(&end).expect("the table's end");
    if std::env::var_os("DLVGATE_WRITE_DOCS").is_some() {
        fs::write(path, format!("{head}{begin}{table}{end}{tail}")).expect("the page can be written");
        return;
    }
    let other: Vec<_> = there.lines().zip(table.lines()).filter(|(there, now)| there != now).collect();
    assert!(there == table, "{page}; DLVGATE_WRITE_DOCS=1 rewrites it. There, and now: {other:#?}");
}
