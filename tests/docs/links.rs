//! Links within the project.

use dlvgate_test_support::paths::repository;

use crate::pages::{self, Page};

#[test]
fn every_link_within_the_project_leads_somewhere() {
    let pages = pages::with_links();
    assert!(pages.len() > 15, "{}", pages.len());
    let wrong: Vec<String> = pages.iter().flat_map(wrong_links).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wrong_links(page: &Page) -> Vec<String> {
    let is_outside = |link: &&str| link.contains("://") || link.starts_with("mailto:");
    page.links().into_iter().filter(|link| !is_outside(link)).filter_map(|link| wrong(page, link)).collect()
}

fn wrong(page: &Page, link: &str) -> Option<String> {
    let name = &page.path;
    let here = repository().join(name);
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { here } else { here.parent()?.join(path) };
    if !target.exists() {
        return Some(format!("{name}: there is no {link}"));
    }
    if anchor.is_empty() || target.extension().is_none_or(|end| end != "md") {
        return None;
    }
    let anchors = pages::page(&target.canonicalize().ok()?).anchors();
    let is_there = anchors.iter().any(|one| one == anchor);
    (!is_there).then(|| format!("{name}: {link} leads to no heading; there are {}", anchors.join(", ")))
}
