//! Lists the catalogue's files, so that a new service needs no line of code.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn files(folder: &Path, extension: &str) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension)
            && let Some(stem) = path.file_stem().and_then(|s| s.to_str())
        {
            found.push((stem.to_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}

fn table(name: &str, files: &[(String, PathBuf)]) -> String {
    let rows: String = files.iter().map(|(stem, path)| format!("    ({stem:?}, include_str!({path:?})),\n")).collect();
    format!("pub(crate) static {name}: &[(&str, &str)] = &[\n{rows}];\n")
}

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let data = Path::new(&root).join("data/aws");
    println!("cargo::rerun-if-changed=data/aws");
    let text = table("NATIVE", &files(&data.join("native"), "toml")?)
        + &table("SHAPES", &files(&data.join("shapes"), "json")?);
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("catalogue.rs"), text)
}
