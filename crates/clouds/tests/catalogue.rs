//! The catalogue against botocore's own models: `tests/external/aws_catalogue.py` says every disagreement.
//!
//! Needs a Python with botocore (`PILEUS_TEST_PYTHON`); without one it says that it was skipped.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::{
    io::Write,
    process::{Command, Stdio},
};

#[test]
fn rows_are_those_of_botocore() {
    let Some(python) = std::env::var_os("PILEUS_TEST_PYTHON") else { return skipped("PILEUS_TEST_PYTHON is not set") };
    let has = Command::new(&python).args(["-c", "import botocore"]).stderr(Stdio::null()).status().unwrap().success();
    if !has {
        return skipped("the Python of PILEUS_TEST_PYTHON has no botocore");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/external/aws_catalogue.py");
    let said = Command::new(python).arg(script).output().unwrap();
    assert!(
        said.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

fn skipped(why: &str) {
    eprintln!("skipped: the AWS catalogue against botocore: {why}");
    if let Some(list) = std::env::var_os("PILEUS_SKIPPED")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(list)
    {
        let _ = writeln!(file, "the AWS catalogue against botocore: {why}");
    }
}
