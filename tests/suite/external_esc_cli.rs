//! `pulumi env` of the unmodified CLI, from `init` to `rm`, with what it prints. Rotation, schedules and login providers have
//! tests of their own.

use crate::external_support::{Ran, World, pulumi};
use pileus_testkit::server::TOKEN;
use serde_json::{Value, json};

const ENV: &str = "pulumi/web/prod";
const DEFINITION: &str = r#"# kept
imports:
  - base/net
values:
  region: eu-west-1
  port: 8080
  on: true
  none: null
  list: [one, {two: 2}, three]
  pw:
    fn::secret: hidden   # why
  "a-b": {c.d: x}
  environmentVariables:
    REGION: ${region}
    PW: ${pw}
    MULTI: "two\nlines 'q' \"d\" $$ \\"
  files:
    CERT: a certificate
"#;

/// `pulumi env …` of the admin.
struct Env<'w> {
    program: std::path::PathBuf,
    world: &'w World,
    token: String,
}

impl Env<'_> {
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.world.command(&self.program);
        command
            .env("PULUMI_ACCESS_TOKEN", &self.token)
            .env("PULUMI_BACKEND_URL", self.world.url())
            .env("PULUMI_SKIP_UPDATE_CHECK", "1");
        command.args(["--non-interactive", "env"]).args(args);
        Ran::of(command)
    }
    fn ok(&self, args: &[&str]) -> String {
        self.run(args).ok()
    }
    fn fails(&self, args: &[&str]) -> String {
        self.run(args).fails()
    }
    /// What `env get` shows as the value.
    fn value(&self, name: &str, path: &str) -> Value {
        let said = self.ok(&["get", name, path]);
        let value = said.strip_prefix("# Value\n```json\n").and_then(|rest| rest.split("```").next());
        serde_json::from_str(value.unwrap_or_else(|| panic!("no value in {said}"))).unwrap()
    }
    fn definition(&self) -> String {
        self.ok(&["get", ENV, "--definition"])
    }
}

/// The CLI with `base/net` and `web/prod`.
fn env<'w>(world: &'w World, what: &str) -> Option<Env<'w>> {
    let program = pulumi(&format!("pulumi env: {what}"))?;
    let env = Env { program, world, token: TOKEN.into() };
    assert_eq!(env.ok(&["init", "pulumi/base/net"]), "Environment created: pulumi/base/net\n");
    assert_eq!(env.ok(&["set", "pulumi/base/net", "cidr", "10.0.0.0/8"]), "");
    let file = world.file("definition.yaml", DEFINITION);
    assert_eq!(env.ok(&["init", ENV, "--file", &file]), format!("Environment created: {ENV}\n"));
    Some(env)
}

fn names_and_lists(env: &Env<'_>) {
    assert!(env.fails(&["init", ENV]).contains("[409]"));
    // Two parts are a project and a name, one is a name in the project default.
    assert_eq!(env.ok(&["init", "two/parts"]), "Environment created: pulumi/two/parts\n");
    assert_eq!(env.ok(&["init", "single"]), "Environment created: pulumi/default/single\n");
    assert_eq!(env.ok(&["set", "single", "a", "1"]), "");
    assert_eq!(env.ok(&["open", "default/single", "a"]), "1\n");
    let all = ["pulumi/base/net", "pulumi/default/single", "pulumi/two/parts", ENV];
    assert_eq!(env.ok(&["ls"]).lines().collect::<Vec<_>>(), all);
    assert_eq!(env.run(&["ls", "--output", "json"]).json(), json!({"environments": all}));
    assert_eq!(env.ok(&["ls", "-p", "web"]), format!("{ENV}\n"));
    assert_eq!(env.ok(&["ls", "-o", "pulumi"]).lines().count(), 4);
    assert!(env.fails(&["init", "pulumi/a b/c"]).contains("400"));
    assert!(env.fails(&["open", "nosuch"]).contains("[404] environment \"default/nosuch\" not found"));
    assert!(env.fails(&["get", "pulumi/web/nosuch"]).contains("[404] environment \"web/nosuch\" not found"));
}

fn getting(env: &Env<'_>) {
    let shown = env.ok(&["get", ENV]);
    assert!(shown.contains("\"pw\": \"[secret]\"") && shown.contains("\"cidr\": \"10.0.0.0/8\""), "{shown}");
    assert!(shown.contains("# Definition\n```yaml\n# kept\nimports:") && !shown.contains("hidden"), "{shown}");
    let inner = env.ok(&["get", ENV, "list[1].two"]);
    assert_eq!(inner, "# Value\n```json\n2\n```\n# Definition\n```yaml\n2\n\n```\n\n# Defined at\n- prod:9:21\n\n");
    assert!(env.ok(&["get", ENV, "pw"]).contains("ciphertext: "));
    let clear = env.ok(&["get", ENV, "pw", "--show-secrets"]);
    assert!(clear.contains("\"hidden\"") && clear.contains("fn::secret: hidden # why"), "{clear}");
    assert_eq!(env.value(ENV, "[\"a-b\"][\"c.d\"]"), "x");
    let json = env.run(&["get", ENV, "--value", "json"]).json();
    assert_eq!((&json["pw"], &json["none"], &json["on"]), (&json!("[secret]"), &Value::Null, &json!(true)));
    let detailed = env.run(&["get", ENV, "--value", "detailed"]).json();
    assert_eq!(detailed["value"]["cidr"]["trace"]["def"]["environment"], "base/net");
    assert_eq!(detailed["value"]["pw"]["secret"], true);
    assert!(env.ok(&["get", ENV, "--value", "dotenv"]).contains("PW=\"[secret]\"\nREGION=\"eu-west-1\""));
    assert!(env.ok(&["get", ENV, "--value", "shell"]).contains("export PW=\"[secret]\""));
    assert_eq!(env.ok(&["get", ENV, "region", "--value", "string"]), "eu-west-1\n");
}

fn setting(env: &Env<'_>) {
    let set = |args: &[&str]| env.run(&[&["set", ENV], args].concat());
    for args in [
        &["list[0]", "first"][..],
        &["list[3]", "{four: 4}"],
        &["new.deep.path", "7"],
        &["[\"q-k\"].sub", "--string", "0123"],
        &["--secret", "creds.inner[\"a.b\"]", "x y"],
        &["--plaintext", "key", "AKIAIOSFODNN7EXAMPLE"],
    ] {
        assert_eq!(set(args).ok(), "", "{args:?}");
    }
    assert!(set(&["list[9]", "no"]).fails().contains("array index out of range"));
    assert!(set(&["secretKey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]).fails().contains("looks like a secret"));
    let stored = env.definition();
    let start = DEFINITION.split_once("  list:").unwrap().0;
    assert!(stored.starts_with(start) && stored.contains("  list: [first, {two: 2}, three, {four: 4}]\n"), "{stored}");
    assert!(stored.contains("# why\n") && stored.contains("sub: \"0123\"") && !stored.contains("x y"), "{stored}");
    assert_eq!(env.run(&["open", ENV, "creds"]).json(), json!({"inner": {"a.b": "x y"}}));
    // What would be wrong is said with its place, and nothing is stored.
    let said = env.run(&["set", ENV, "bad", "${nope}"]);
    assert!(said.stdout.contains(": unknown property \"nope\"") || said.stderr.contains("unknown property \"nope\""));
    assert!(!env.definition().contains("nope"));
    assert_eq!(env.ok(&["rm", ENV, "list[1]"]), "");
    assert_eq!(env.ok(&["rm", ENV, "new.deep"]), "");
    assert_eq!(env.value(ENV, "list"), json!(["first", "three", {"four": 4}]));
    assert_eq!(env.value(ENV, "new"), json!({}));
    assert!(env.fails(&["rm", ENV, "list[9]"]).contains("array index out of range"));
}

fn editing(env: &Env<'_>) {
    let wrong = env.world.file("wrong.yaml", "values:\n  a: ${nothing}\n  b:\n    fn::open::nosuch: {}\n");
    let said = env.run(&["edit", ENV, "--file", &wrong]);
    let said = format!("{}{}", said.stdout, said.stderr);
    let places = "Error: unknown property \"nothing\"\n\n  on web/prod line 2:\n   2:   a: ${nothing}\n";
    assert!(said.contains(places) && said.contains("unknown provider \"nosuch\"\n\n  on web/prod line 4:"), "{said}");
    let right = env.world.file("right.yaml", &DEFINITION.replace("eu-west-1", "eu-north-1 # moved"));
    let said = env.ok(&["edit", ENV, "--file", &right]);
    assert!(said.starts_with("Environment updated. (revision "), "{said}");
    assert_eq!(env.value(ENV, "environmentVariables.REGION"), "eu-north-1");
    let stored = env.definition();
    assert!(stored.contains("region: eu-north-1 # moved\n") && stored.starts_with("# kept\n"), "{stored}");
    // What an editor is shown, and what it makes of that.
    let editor = env.world.file("editor.sh", "sed -i -e 's/hidden/open sesame/' -e 's/8080/9090/' \"$1\"\n");
    let _ = env.ok(&["edit", ENV, "--show-secrets", "--editor", &format!("sh {editor}")]);
    assert_eq!(env.run(&["open", ENV, "pw"]).json(), "open sesame");
    let _ = env.ok(&["edit", ENV, "--editor", &format!("sh {editor}")]);
    assert_eq!(env.run(&["open", ENV, "port"]).json(), 9090);
    assert_eq!(env.run(&["open", ENV, "pw"]).json(), "open sesame", "ciphertexts survive an edit");
    let file = env.world.file("init.yaml", "values:\n  a: ${nothing}\n");
    let said = env.fails(&["init", "pulumi/web/wrong", "--file", &file]);
    assert!(said.contains("updating environment definition: too many errors"), "{said}");
}

fn opening(env: &Env<'_>) {
    let open = |args: &[&str]| env.run(&[&["open", ENV], args].concat());
    let all = open(&[]).json();
    assert_eq!((&all["pw"], &all["cidr"], &all["port"]), (&json!("hidden"), &json!("10.0.0.0/8"), &json!(8080)));
    assert_eq!(all["list"], json!(["one", {"two": 2}, "three"]));
    assert_eq!(open(&["--format", "json"]).json()["a-b"], json!({"c.d": "x"}));
    let detailed = open(&["--format", "detailed", "environmentVariables"]).json();
    assert_eq!(detailed["value"]["PW"]["value"], "hidden");
    assert_eq!(detailed["value"]["PW"]["trace"]["def"]["environment"], "web/prod");
    let yaml = open(&["--format", "yaml", "environmentVariables"]).ok();
    assert_eq!(yaml, "MULTI: |-\n   two\n   lines 'q' \"d\" $ \\\nPW: hidden\nREGION: eu-west-1\n");
    let dotenv = open(&["--format", "dotenv"]).ok();
    assert!(
        dotenv.starts_with("MULTI=\"two\\nlines 'q' \\\"d\\\" $ \\\\\"\nPW=\"hidden\"\nREGION=\"eu-west-1\"\nCERT=\"")
    );
    let file = dotenv.lines().find_map(|line| line.strip_prefix("CERT=\"")).unwrap().trim_end_matches('"').to_owned();
    assert_eq!(std::fs::read_to_string(file).unwrap(), "a certificate");
    assert!(open(&["--format", "shell"]).ok().contains("export PW=\"hidden\"\nexport REGION=\"eu-west-1\"\n"));
    assert_eq!(open(&["--format", "string", "pw"]).ok(), "hidden\n");
    assert_eq!(open(&["list[1].two"]).ok(), "2\n");
    assert_eq!(open(&["[\"a-b\"][\"c.d\"]"]).ok(), "\"x\"\n");
    assert_eq!(open(&["nosuch"]).ok(), "null\n");
    assert_eq!(open(&["--lifetime", "1h30m", "region"]).ok(), "\"eu-west-1\"\n");
    assert!(open(&["--lifetime", "999h"]).fails().contains("[400] duration is at most 168h0m0s"));
}

fn running(env: &Env<'_>) {
    let shell = |script: &str| env.run(&["run", ENV, "--", "sh", "-c", script]);
    assert_eq!(shell("echo $REGION $PW; cat $CERT; echo").ok(), "eu-west-1 [secret]\na certificate\n");
    assert_eq!(env.ok(&["run", ENV, "-i", "--", "sh", "-c", "echo $PW"]), "hidden\n");
    assert!(shell("exit 3").code.is_some_and(|code| code != 0));
}

fn revisions(env: &Env<'_>) {
    for n in [1, 2] {
        assert_eq!(env.ok(&["set", ENV, "n", &n.to_string()]), "");
    }
    let history = env.ok(&["version", "history", ENV, "--utc"]);
    let heads: Vec<&str> = history.lines().filter(|line| line.starts_with("revision")).collect();
    assert_eq!(heads, ["revision 4 (tag: latest)", "revision 3", "revision 2", "revision 1"]);
    assert!(history.contains("\nAuthor: admin <admin>\nDate:   2"), "{history}");
    let tag = |args: &[&str]| env.run(&[&["version", "tag"], args].concat());
    assert_eq!(tag(&["pulumi/web/prod@live", "@2"]).ok(), "");
    assert_eq!(tag(&["pulumi/web/prod@live", "@3"]).ok(), "");
    assert_eq!(tag(&["pulumi/web/prod@stable"]).ok(), "");
    let rows = tag(&["ls", ENV, "--utc"]).ok();
    let rows: Vec<Vec<&str>> =
        rows.lines().filter(|l| l.starts_with('│')).map(|l| l.split('│').map(str::trim).collect()).collect();
    let named: Vec<(&str, &str)> = rows.iter().skip(1).map(|row| (row[1], row[2])).collect();
    assert_eq!(named, [("latest", "4"), ("live", "3"), ("stable", "4")]);
    assert_eq!(env.ok(&["open", "pulumi/web/prod@live", "n"]), "1\n");
    assert!(env.ok(&["version", "pulumi/web/prod@live"]).starts_with("live\nRevision 3\n"));
    assert!(tag(&["pulumi/web/prod@latest", "@2"]).fails().contains("[400] the tag \"latest\" cannot be moved"));
    assert_eq!(tag(&["rm", "pulumi/web/prod@stable"]).ok(), "");
    assert!(tag(&["rm", "pulumi/web/prod@stable"]).fails().contains("[404] revision tag \"stable\" not found"));
    let shown = env.ok(&["diff", "pulumi/web/prod@3", "@4"]);
    assert!(shown.contains("-  \"n\": 1,\n+  \"n\": 2,\n") && shown.contains("-  n: 1\n+  n: 2\n"), "{shown}");
    assert!(env.ok(&["diff", "pulumi/web/prod@2", "--format", "json"]).contains("+  \"n\": 2,\n"));
    assert_eq!(env.ok(&["version", "rollback", "pulumi/web/prod@2"]), "Environment updated. (revision 5)\n");
    assert!(!env.definition().contains("n: 2"));
    assert_eq!(env.ok(&["version", "retract", "pulumi/web/prod@3", "--reason", "wrong", "--replace-with", "@4"]), "");
    assert_eq!(env.ok(&["open", "pulumi/web/prod@live", "n"]), "2\n");
    assert!(env.fails(&["open", "pulumi/web/prod@3"]).contains("was retracted; revision 4 takes its place"));
    assert!(
        env.fails(&["version", "retract", "pulumi/web/prod@latest"]).contains("cannot retract the `latest` revision")
    );
    let history = env.ok(&["version", "history", ENV]);
    assert!(history.contains(" and replaced with revision 4.\n\n    wrong\n"), "{history}");
    assert!(history.contains("revision 4 (tag: live)\n") && history.contains("revision 3 (retracted)\n"), "{history}");
}

fn tags_and_settings(env: &Env<'_>) {
    let tag = |args: &[&str]| env.run(&[&["tag"], args].concat());
    assert!(tag(&[ENV, "team", "ops"]).ok().starts_with("Name: team\nValue: ops\n"));
    assert!(tag(&[ENV, "team", "web"]).ok().starts_with("Name: team\nValue: web\n"));
    assert!(tag(&["get", ENV, "team"]).ok().contains("Value: web\n"));
    assert!(tag(&["mv", ENV, "team", "squad"]).ok().starts_with("Name: squad\nValue: web\n"));
    assert!(tag(&["ls", ENV]).ok().starts_with("Name: squad\nValue: web\n"));
    assert_eq!(tag(&["rm", ENV, "squad"]).ok(), "Successfully deleted environment tag: squad\n");
    assert!(tag(&["rm", ENV, "squad"]).fails().contains("[404] tag \"squad\" not found"));
    assert_eq!(tag(&["ls", ENV]).ok(), "");
    assert_eq!(env.ok(&["settings", "get", ENV]), "deletion-protected false\n");
    let _ = env.ok(&["settings", "set", ENV, "deletion-protected", "true"]);
    assert!(env.fails(&["rm", ENV, "--yes"]).contains("deletion protection"));
    let _ = env.ok(&["settings", "set", ENV, "deletion-protected", "false"]);
    let referrers = env.ok(&["referrer", "list", "pulumi/base/net"]);
    assert!(referrers.contains("latest   │ environment │ web/prod@"), "{referrers}");
}

fn copying(env: &Env<'_>) {
    assert_eq!(env.ok(&["version", "tag", "pulumi/web/prod@live", "@2"]), "");
    let said = env.ok(&["clone", ENV, "copy"]);
    assert_eq!(said, "Environment pulumi/web/prod cloned into pulumi/web/copy.\n");
    let keep = ["--preserve-history", "--preserve-env-tags", "--preserve-rev-tags", "--preserve-access"];
    let _ = env.ok(&[&["clone", ENV, "twin/prod"], &keep[..]].concat());
    assert!(env.fails(&["clone", ENV, "copy"]).contains("[409] environment \"web/copy\" already exists"));
    let count = |name: &str| env.ok(&["version", "history", name]).matches("revision ").count();
    assert_eq!((count("pulumi/web/copy"), count("pulumi/twin/prod")), (1, 2));
    for name in ["pulumi/web/copy", "pulumi/twin/prod", "pulumi/twin/prod@live"] {
        assert_eq!(env.run(&["open", name, "pw"]).json(), "hidden", "{name}");
    }
    assert_eq!(env.ok(&["diff", "pulumi/web/prod", "pulumi/web/copy", "--path", "list"]), "");
    assert_eq!(env.ok(&["rm", "pulumi/web/copy", "--yes"]), "Environment \"pulumi/web/copy\" has been removed!\n");
    assert!(env.fails(&["rm", "pulumi/web/copy", "--yes"]).contains("[404] environment \"web/copy\" not found"));
    assert!(!env.ok(&["ls"]).contains("web/copy"));
}

both_worlds! {
    fn definitions(world: &World) {
        let Some(env) = env(world, "init, ls, get, set, edit, rm of a path") else { return };
        names_and_lists(&env);
        getting(&env);
        setting(&env);
        editing(&env);
    }

    fn values(world: &World) {
        let Some(env) = env(world, "open in all formats, run") else { return };
        opening(&env);
        running(&env);
    }

    fn versions(world: &World) {
        let Some(env) = env(world, "version history, tag, rollback, retract, diff, tag, settings") else { return };
        revisions(&env);
        tags_and_settings(&env);
    }

    fn copies(world: &World) {
        let Some(env) = env(world, "clone, rm") else { return };
        copying(&env);
    }
}
