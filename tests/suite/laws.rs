//! The house laws, checked.

#[test]
fn tidy() {
    let found = xtask::tidy::offences(&xtask::root()).unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn generated_files_are_up_to_date() {
    xtask::generate::run(&xtask::root(), true).unwrap();
}
