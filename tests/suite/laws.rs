//! The house laws, checked.

#[test]
fn tidy() {
    let found = xtask::tidy::check(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))).unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
