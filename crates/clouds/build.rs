//! Lists the catalogue's files, so that a new service needs no line of code.

use std::{env, fs, io, path::Path};

/// The files of a folder, by name: each with its path below the crate.
fn files(root: &Path, folder: &str, extension: &str) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension)
            && let Some(stem) = path.file_stem().and_then(|s| s.to_str())
        {
            found.push((stem.to_owned(), format!("/{folder}/{stem}.{extension}")));
        }
    }
    found.sort();
    Ok(found)
}

fn table(name: &str, files: &[(String, String)]) -> String {
    // The place of the checkout is looked up where this is compiled: what was built may lie in a cache that others use.
    let row = |(stem, path): &(String, String)| {
        format!("    ({stem:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),\n")
    };
    let rows: String = files.iter().map(row).collect();
    format!("pub(crate) static {name}: &[(&str, &str)] = &[\n{rows}];\n")
}

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let root = Path::new(&root);
    println!("cargo::rerun-if-changed=data/aws");
    let text = table("NATIVE", &files(root, "data/aws/native", "toml")?)
        + &table("SHAPES", &files(root, "data/aws/shapes", "json")?);
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("catalogue.rs"), text)
}
