//! The official clients for environments, Python and TypeScript: every method of each, and the tests that the latter brings.

use crate::external_support::{Ran, World, external, node, python};
use pileus_testkit::server::TOKEN;

/// A script for Node, told where the server is, its token, and where the packages are.
fn script(world: &World, name: &str) -> Option<String> {
    let (node, modules) = node(&format!("the TypeScript client for environments: {name}"))?;
    let mut command = world.command(node);
    command.arg(external(name)).args([world.url(), TOKEN]).arg(modules);
    Some(Ran::of(command).ok())
}

both_worlds! {
    fn every_method_of_the_python_client(world: &World) {
        let Some(python) = python("every method of the Python client for environments") else { return };
        let said = world.script(&python, "esc_sdk.py", &[]).json();
        assert!(said.as_array().unwrap().len() >= 28, "{said}");
    }

    fn every_method_of_the_typescript_client(world: &World) {
        let Some(said) = script(world, "esc_sdk.mjs") else { return };
        let methods: Vec<String> = serde_json::from_str(&said).unwrap();
        assert!(methods.len() >= 28, "{methods:?}");
    }

    fn the_typescript_client_passes_its_own_tests(world: &World) {
        let Some(said) = script(world, "esc_sdk_own.cjs") else { return };
        assert!(said.contains("\n# pass 3\n# fail 0\n"), "{said}");
    }
}
