//! The page about security names tests that are there.

use std::collections::BTreeSet;
use std::fs;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Each `file::name` in backticks.
fn named(page: &str) -> BTreeSet<(&str, &str)> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.split_once("::")).filter(|(file, _)| *file != "file").collect()
}

/// Whether a source has a test of that name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(n, line)| {
        let is_named = ["fn ", "async fn "].iter().any(|start| line.starts_with(&format!("{start}{name}(")));
        let above = lines[..n].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        is_named && above.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn every_test_that_the_page_about_security_names_is_there() {
    let page = fs::read_to_string(format!("{ROOT}/docs/security.md")).expect("the page");
    let named = named(&page);
    assert!(named.len() > 50, "{} tests are named", named.len());
    let missing: Vec<String> = named
        .into_iter()
        .filter(|(file, name)| {
            let source = fs::read_to_string(format!("{ROOT}/tests/it/{file}.rs")).unwrap_or_default();
            !has_test(&source, name)
        })
        .map(|(file, name)| format!("{file}::{name}"))
        .collect();
    assert!(missing.is_empty(), "named, and not there: {missing:?}");
}

#[test]
fn a_function_that_is_no_test_does_not_count() {
    let source = "#[tokio::test]\nasync fn a_fact() {}\nfn a_helper() {}\n#[test]\nfn another() {}\n";
    assert!(has_test(source, "a_fact") && has_test(source, "another"));
    assert!(!has_test(source, "a_helper") && !has_test(source, "a_fac"));
    assert_eq!(named("as `wire::a_fact` says, `file::name` is how").len(), 1);
}
