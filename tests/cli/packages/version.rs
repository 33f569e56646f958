use super::says;

#[test]
fn the_long_version_has_the_commit_and_the_target() {
    let (short, long) = (says(&["-V"]), says(&["--version"]));
    let name = format!("dlvgate {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(short.trim(), name);
    let rest = long.trim().strip_prefix(&name).unwrap().trim().trim_matches(['(', ')']);
    let (commit, target) = rest.split_once(", ").unwrap();
    assert!(!commit.is_empty() && target.contains("linux"), "{long}");
}
