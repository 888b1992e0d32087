//! The list of types for people, `docs/AWS-TYPES.md`: it says what the catalogue says. With `PILEUS_WRITE_DOCS` set the test writes it.

use crate::aws::{
    data::{Type, catalogue, catalogue::File},
    scan::table::{self, Listing},
};
use std::{collections::HashSet, fmt::Write};

const HEAD: &str = "# Types of AWS, and how each is listed\n\n\
    <!-- Written by a test from crates/clouds/data/aws; `PILEUS_WRITE_DOCS=1 cargo test -p pileus-clouds types_doc` writes it anew. -->\n\n";

fn text() -> String {
    let (files, rows) = (catalogue().unwrap(), table::all().unwrap());
    let types = |f: &File| f.types.iter().filter(|t| !t.internal).count();
    let native: usize = files.iter().map(types).sum();
    let own: HashSet<&str> = files.iter().flat_map(|f| &f.types).filter_map(|t| t.cfn.as_deref()).collect();
    let of = |list: Listing| rows.iter().filter(|r| r.list == list).count();
    let further = rows.iter().filter(|r| r.list == Listing::Plain && !own.contains(r.name.as_str())).count();
    let mut out = String::from(HEAD);
    let _ = writeln!(
        out,
        "{native} types of {} services are listed by the services' own APIs (below). Cloud Control lists {} types without a parent;\n\
         {further} of these are not among the {native} and are listed by it. {} more need a parent, and {} have no list: a scan's coverage\n\
         says so of each. Follow-up reads are made for each resource, or for many at once where the service allows it.\n",
        files.len(),
        of(Listing::Plain),
        of(Listing::Parent),
        of(Listing::None),
    );
    for file in files {
        let place = if file.service.global.is_some() { "global" } else { "each region" };
        let _ = writeln!(out, "## {} ({place})\n\n| type | call | follow-ups |\n|---|---|---|", file.service.name);
        for kind in file.types.iter().filter(|t| !t.internal) {
            let _ = writeln!(out, "| `{}` | {} | {} |", kind.token, call(kind), reads(kind));
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn call(kind: &Type) -> String {
    match &kind.parent {
        Some(parent) => format!("{}, for each `{parent}`", kind.list.op),
        None => kind.list.op.clone(),
    }
}

fn reads(kind: &Type) -> String {
    let mut ops: Vec<&str> = Vec::new();
    for read in &kind.read {
        if !ops.contains(&read.op.as_str()) {
            ops.push(&read.op);
        }
    }
    ops.join(", ")
}

#[test]
fn the_list_for_people_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/AWS-TYPES.md");
    if std::env::var_os("PILEUS_WRITE_DOCS").is_some() {
        std::fs::write(path, text()).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == text(),
        "docs/AWS-TYPES.md is not current: PILEUS_WRITE_DOCS=1 cargo test -p pileus-clouds types_doc"
    );
}
