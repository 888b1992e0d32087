//! Providers against clouds of others: moto that checks signatures and our identity tokens, a Google that does, boto3 and
//! joserfc on the other side; and that nothing of what they gave is anywhere in clear afterwards.

use crate::external_support::{Cli, Ran, World, external, pulumi, python};
use pileus_testkit::server::TOKEN;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// `clouds_house.py`; it ends with the value.
struct House {
    said: Value,
    child: Child,
}

impl House {
    fn start(python: &Path) -> Self {
        let mut command = Command::new(python);
        let _ = command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("NO_PROXY", "*");
        let _ = command.args(["-B"]).arg(external("clouds_house.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let _ = command.stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).find_map(|line| serde_json::from_str::<Value>(&line).ok());
        Self { said: said.expect("the clouds say where they are"), child }
    }
    fn text(&self, name: &str) -> &str {
        self.said[name].as_str().unwrap()
    }
    /// What the operator of a server says of them.
    fn settings(&self) -> [(&str, &str); 3] {
        [
            ("PILEUS_CLOUDS_AWS_ENDPOINT", self.text("aws")),
            ("PILEUS_CLOUDS_GCP_ENDPOINT", self.text("gcp")),
            ("PILEUS_LOG_FILTER", "debug"),
        ]
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Everything in which the server could have left something: its files, its log, its metrics, its database.
async fn left(world: &World) -> Vec<(String, Vec<u8>)> {
    let start = &world.start;
    let mut all = vec![("metrics".to_owned(), world.server.admin().get("/metrics").await.body)];
    all.push(("log".to_owned(), std::fs::read(start.data_dir.with_extension("log")).unwrap()));
    for file in std::fs::read_dir(&start.data_dir).unwrap() {
        let path = file.unwrap().path();
        all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    let Some(url) = &start.database else { return all };
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let tables = "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'";
    let tables = client.query(tables, &[]).await.unwrap();
    assert!(tables.len() > 10, "the tables are elsewhere");
    for table in tables {
        let table: String = table.get(0);
        for row in client.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap() {
            all.push((table.clone(), row.get::<_, String>(0).into_bytes()));
        }
    }
    drop(client);
    connection.await.unwrap().unwrap();
    all
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

async fn walk(python: &Path, house: &House, world: &World) {
    let secrets = world.script(python, "providers_walk.py", &[&house.said.to_string()]).json();
    let secrets = secrets["secrets"].as_array().unwrap();
    assert!(secrets.len() > 8, "{secrets:?}");
    for (place, bytes) in left(world).await {
        for secret in secrets {
            let secret = secret.as_str().unwrap();
            for form in [secret.to_owned(), hex(secret)] {
                let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "{secret} is in {place}");
            }
        }
    }
    assert!(world.server.admin().get("/metrics").await.text().contains("pileus_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clouds_take_what_we_sign_and_we_read_what_they_keep_sqlite() {
    let Some(python) = python("providers against moto and a Google that verifies") else { return };
    let house = House::start(&python);
    walk(&python, &house, &World::start_with(&house.settings())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clouds_take_what_we_sign_and_we_read_what_they_keep_postgres() {
    let Some(python) = python("providers against moto and a Google that verifies, on PostgreSQL") else { return };
    let house = House::start(&python);
    let Some(world) = World::start_on_postgres(&house.settings()) else { return };
    walk(&python, &house, &world).await;
}

/// `pulumi env provider …` writes calls that open, and their variables.
#[test]
fn the_cli_writes_logins() {
    let Some(program) = pulumi("login providers with the CLI") else { return };
    let world = World::start();
    let cli = Cli::new(&program, &world, TOKEN).login();
    let env = |args: &[&str]| -> Ran { cli.run(&[&["env"], args].concat()) };
    let provider = |args: &[&str]| env(&[&["provider"], args, &["--create", "--export-env-vars"]].concat()).ok();
    let opened = |name: &str| env(&["open", name]).json();

    let _ =
        provider(&["aws-login", "static", "pulumi/login/aws", "AKIACLI", "cli-secret", "--session-token", "cli-token"]);
    let keys = json!({"accessKeyId": "AKIACLI", "secretAccessKey": "cli-secret", "sessionToken": "cli-token"});
    let got = opened("pulumi/login/aws");
    assert_eq!(got["aws"]["login"], keys);
    assert_eq!(got["environmentVariables"]["AWS_SESSION_TOKEN"], "cli-token");
    let stored = env(&["get", "pulumi/login/aws", "--definition"]).ok();
    assert!(stored.contains("ciphertext") && !stored.contains("cli-secret"), "{stored}");
    let shown =
        env(&["run", "pulumi/login/aws", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"]).ok();
    assert_eq!(shown.trim(), "AKIACLI [secret]");

    let _ =
        provider(&["azure-login", "static", "pulumi/login/azure", "tenant", "subscription", "client", "cli-secret"]);
    let got = opened("pulumi/login/azure");
    assert_eq!(got["azure"]["login"]["clientSecret"], "cli-secret");
    assert_eq!(got["environmentVariables"]["ARM_CLIENT_SECRET"], "cli-secret");
    let _ = provider(&["azure-login", "oidc", "pulumi/login/federated", "tenant", "subscription", "client"]);
    let got = opened("pulumi/login/federated");
    assert_eq!(got["environmentVariables"]["ARM_USE_OIDC"], "true");
    let token = got["environmentVariables"]["ARM_OIDC_TOKEN"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 3, "{token}");

    let _ = provider(&["gcp-login", "static", "pulumi/login/gcp", "123456789", "cli-token"]);
    let got = opened("pulumi/login/gcp");
    assert_eq!(got["gcp"]["login"], json!({"project": 123_456_789, "accessToken": "cli-token", "tokenType": "Bearer"}));
    assert_eq!(got["environmentVariables"]["GOOGLE_OAUTH_ACCESS_TOKEN"], "cli-token");

    // The other two need a cloud: only what is written is looked at here.
    let role = "arn:aws:iam::123456789012:role/esc";
    let _ =
        env(&["provider", "aws-login", "oidc", "pulumi/login/role", role, "cli", "--create", "--duration", "1h"]).ok();
    let written = env(&["get", "pulumi/login/role", "--definition"]).ok();
    assert!(written.contains("fn::open::aws-login") && written.contains(role), "{written}");
    let pool = ["--workload-pool-id", "p", "--provider-id", "q", "--service-account", "s@x.iam.gserviceaccount.com"];
    let _ = env(&[&["provider", "gcp-login", "oidc", "pulumi/login/pool", "123", "--create"], &pool[..]].concat()).ok();
    let written = env(&["get", "pulumi/login/pool", "--definition"]).ok();
    assert!(written.contains("workloadPoolId"), "{written}");
}
