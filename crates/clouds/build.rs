//! Lists the catalogue's files, so that a new service needs no line of code, and makes a number of all that decides what an answer
//! becomes, by which what an older version made of an answer is told apart.

use std::{
    env, fs,
    hash::{DefaultHasher, Hasher},
    io,
    path::{Path, PathBuf},
};

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

/// All files below a folder.
fn all(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { all(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// Of this crate's sources and data: another number whenever one of them is another.
fn form(root: &Path) -> io::Result<u64> {
    let mut paths = Vec::new();
    for folder in ["src", "data/aws"] {
        all(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    let mut hasher = DefaultHasher::new();
    for path in paths {
        let name = path.strip_prefix(root).map_err(io::Error::other)?;
        hasher.write(name.to_string_lossy().as_bytes());
        hasher.write_u8(0);
        hasher.write(&fs::read(&path)?);
        hasher.write_u8(0);
    }
    Ok(hasher.finish())
}

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let root = Path::new(&root);
    println!("cargo::rerun-if-changed=data/aws");
    println!("cargo::rerun-if-changed=src");
    let text = table("NATIVE", &files(root, "data/aws/native", "toml")?)
        + &table("SHAPES", &files(root, "data/aws/shapes", "json")?);
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let out = Path::new(&out);
    fs::write(out.join("form.rs"), format!("const FORM: u64 = {:#x};\n", form(root)?))?;
    fs::write(out.join("catalogue.rs"), text)
}
