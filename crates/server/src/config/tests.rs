//! What the configuration promises: precedence, errors that name their place, masked secrets.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn file(text: &str) -> Inputs {
    Inputs { file: Some(("pileus.toml".to_owned(), text.to_owned())), ..Inputs::default() }
}

fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn refused(inputs: Inputs) -> String {
    Loaded::merge(inputs).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_allowed_values() {
    let config = Config::new(&Loaded::merge(Inputs::default()).unwrap()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.limits.requests_per_second, 2000);
    assert!(config.public_url.is_none() && config.trusted_proxies.is_empty());
    for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
        assert_eq!(from_text(key, key.default), Ok(default(key).value), "{}", key.name);
    }
}

#[test]
fn names_are_what_they_should_be() {
    for key in KEYS {
        assert_eq!(key.env, format!("PILEUS_{}", key.name.to_uppercase().replace('.', "_")));
        if let Some(flag) = key.flag {
            assert_eq!(flag, format!("--{}", key.name.replace('_', "-")));
        }
        assert!(!key.doc.is_empty() && !key.doc.ends_with('.'), "{}", key.name);
    }
}

#[test]
fn flags_override_variables_and_variables_the_file() {
    let mut inputs =
        file("listen = \"127.0.0.1:1\"\ndata_dir = \"a\"\nlog_format = \"json\"\n[limits]\nbody_bytes = 2_048\n");
    inputs.variables = env(&[("PILEUS_LISTEN", "127.0.0.1:2"), ("PILEUS_DATA_DIR", "b"), ("PILEUS_LOG_FORMAT", "")]);
    inputs.flags = vec![(&keys::LISTEN, "127.0.0.1:3".to_owned())];
    let loaded = Loaded::merge(inputs).unwrap();
    let config = Config::new(&loaded).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data_dir.to_str(), Some("b"));
    assert_eq!(config.log_format, LogFormat::Json, "an empty variable says nothing");
    assert_eq!(config.limits.body_bytes, 2048);
    let sources: Vec<String> = loaded.settings().iter().map(|s| s.source.to_string()).collect();
    assert_eq!(&sources[..3], ["flag --listen", "environment PILEUS_DATA_DIR", "default"]);
    assert_eq!(sources.last().map(String::as_str), Some("default"));
    assert!(sources.iter().any(|source| source == "pileus.toml:5"));
}

#[test]
fn lists_come_from_every_source() {
    let mut inputs = file("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n");
    let config = |inputs| Config::new(&Loaded::merge(inputs).unwrap()).unwrap().trusted_proxies;
    assert_eq!(config(file("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n")).len(), 2);
    inputs.flags = vec![(&keys::TRUSTED_PROXIES, "192.0.2.1, 198.51.100.0/24,".to_owned())];
    let networks = config(inputs);
    assert_eq!(networks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.0.2.1/32", "198.51.100.0/24"]);
}

#[test]
fn the_file_is_refused_with_its_line() {
    let cases = [
        ("listen = 5", "pileus.toml:1: \"listen\" must be a string"),
        ("\nlisten = \"here\"", "pileus.toml:2: \"listen\": \"here\" is not an address"),
        ("# x\n\nprot = 1", "pileus.toml:3: unknown key \"prot\"; known here: listen, data_dir"),
        ("[limits]\nbody = 1", "pileus.toml:2: unknown key \"limits.body\"; known here: requests_per_second"),
        ("[limits]\nbody_bytes = -1", "pileus.toml:2: \"limits.body_bytes\": \"-1\" is not a whole number from 1024"),
        ("[limits]\nbody_bytes = \"1\"", "pileus.toml:2: \"limits.body_bytes\" must be a whole number"),
        ("limits = 1", "pileus.toml:1: \"limits\" must be a table"),
        (
            "[egress]\nallow = [\n  \"10.0.0.0/8\",\n  \"10.0.0.0/33\",\n]",
            "pileus.toml:4: \"egress.allow\": \"10.0.0.0/33\"",
        ),
        ("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"", "pileus.toml:2: "),
        ("a = 1\nb =\n", "pileus.toml:2: "),
        ("[other]\nx = 1", "pileus.toml:1: unknown key \"other\""),
    ];
    for (text, expected) in cases {
        let message = refused(file(text));
        assert!(message.starts_with(expected), "{text:?}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_bad_variable_is_named_and_an_unknown_one_only_warned_of() {
    let with = |pairs: &[(&str, &str)]| Inputs { variables: env(pairs), ..Inputs::default() };
    let message = refused(with(&[("PILEUS_LIMITS_BODY_BYTES", "many")]));
    assert_eq!(
        message,
        "environment variable PILEUS_LIMITS_BODY_BYTES: \"many\" is not a whole number from 1024 to 1073741824"
    );
    let message = refused(with(&[("PILEUS_TRUSTED_PROXIES", "10.0.0.0/8,x")]));
    assert!(message.starts_with("environment variable PILEUS_TRUSTED_PROXIES: \"x\" is not"), "{message}");
    let loaded = Loaded::merge(with(&[
        ("PILEUS_LISTENS", "1"),
        ("PILEUS_BOOTSTRAP_TOKEN", "x"),
        ("PILEUS_REQUIRE_POSTGRES", "1"),
        ("PILEUS_URL", "x"),
        ("HOME", "/"),
    ]));
    assert_eq!(loaded.unwrap().warnings(), ["unknown environment variable PILEUS_LISTENS is ignored"]);
}

#[test]
fn a_bad_flag_is_wrong_usage() {
    let inputs = Inputs { flags: vec![(&keys::LOG_FORMAT, "xml".to_owned())], ..Inputs::default() };
    let failure = Loaded::merge(inputs).unwrap_err();
    assert_eq!(failure.to_string(), "--log-format: \"xml\" is not \"auto\", \"json\" or \"text\"");
    assert_eq!(failure.code(), 2);
}

#[test]
fn a_password_is_neither_shown_nor_repeated() {
    let loaded =
        Loaded::merge(file("database = \"postgres://me:hunter2@db/x?sslpassword=hunter2&sslmode=require\"")).unwrap();
    let shown = show(&loaded);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("postgres://me:***@db/x?sslpassword=***&sslmode=require\"  # pileus.toml:1"), "{shown}");
    assert!(!format!("{:?}", Config::new(&loaded).unwrap()).contains("hunter2"));
    let message = refused(file("database = \"mysql://me:hunter2@db/x\""));
    assert!(message.starts_with("pileus.toml:1: \"database\": must be") && !message.contains("hunter2"), "{message}");
    assert_eq!(mask("host=db password=hunter2"), "***");
}

#[test]
fn what_is_shown_can_be_read_again() {
    let mut inputs = file(
        "trusted_proxies = [\"10.0.0.0/8\"]\npublic_url = \"https://pileus.example.com/\"\n[egress]\nallow = [\"::1\"]\n",
    );
    inputs.flags = vec![(&keys::DATA_DIR, "a \"b\" \\".to_owned())];
    let loaded = Loaded::merge(inputs).unwrap();
    let again = Loaded::merge(file(&show(&loaded))).unwrap();
    let values = |loaded: &Loaded| loaded.settings().iter().map(|s| s.value.clone()).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&loaded));
    let config = Config::new(&again).unwrap();
    assert_eq!(config.public_url.as_deref(), Some("https://pileus.example.com"));
    assert!(
        show(&Loaded::merge(Inputs::default()).unwrap())
            .contains("# public_url = \"http://127.0.0.1:8080\"  # default: http://")
    );
}

#[test]
fn the_readme_lists_every_setting() {
    use std::fmt::Write as _;
    let mut table = String::from("| file | environment, flag | default | |\n|---|---|---|---|\n");
    for key in KEYS {
        let flag = key.flag.map(|flag| format!(" `{flag}`")).unwrap_or_default();
        let default =
            if key.default_note.is_empty() { format!("`{}`", key.default) } else { key.default_note.to_owned() };
        let _ = writeln!(table, "| `{}` | `{}`{flag} | {default} | {} |", key.name, key.env, key.doc);
    }
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme.split_once("<!-- settings: begin -->\n").unwrap();
    let (found, _) = rest.split_once("<!-- settings: end -->").unwrap();
    assert!(found == table, "README.md must hold this table:\n{table}");
}

#[test]
fn roles_are_one_or_both() {
    let config = |text: &str| Config::new(&Loaded::merge(file(text)).unwrap());
    let both = config("").unwrap();
    assert_eq!((both.serves, both.works, both.scans.at_once, both.scans.silence), (true, true, 8, 30));
    let work = config("roles = [\"work\"]\n[scans]\nkeep_days = 0\nkeep_newest = 3\n").unwrap();
    assert_eq!((work.serves, work.works, work.scans.keep.days, work.scans.keep.newest), (false, true, 0, 3));
    assert_eq!(config("roles = []").unwrap_err().to_string(), "roles: a node must serve, work or both");
    assert!(
        refused(file("roles = [\"rest\"]")).starts_with("pileus.toml:1: \"roles\": \"rest\" is none of serve, work")
    );
}
