//! Secrets are planted in every way that there is, then everything that a server keeps or says is searched for them: its
//! files or its tables, its log at the finest level, its metrics, the bodies of errors. In clear, in hexadecimal, in base64.

use crate::external_support::World;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pileus_testkit::{
    client::{Answer, Client},
    postgres,
};
use serde_json::{Value, json};
use std::path::Path;

const BASE: &str = "/api/esc/environments/pulumi";
const ENV: [(&str, &str); 1] = [("PILEUS_LOG_FILTER", "trace")];

/// A secret that says where it was planted.
fn planted(place: &str) -> String {
    format!("planted-0815-{place}-4711")
}

/// What was planted or made, and what was said of it that only its owner may not have to hide.
struct Hunt<'w> {
    world: &'w World,
    admin: Client,
    secrets: Vec<String>,
    said: Vec<(String, Vec<u8>)>,
}

impl<'w> Hunt<'w> {
    fn new(world: &'w World) -> Self {
        Self { world, admin: world.server.admin(), secrets: Vec::new(), said: Vec::new() }
    }
    fn plant(&mut self, place: &str) -> String {
        let secret = planted(place);
        self.secrets.push(secret.clone());
        secret
    }
    async fn raw(&self, method: &str, path: &str, text: &str) -> Answer {
        let request = self.admin.request(method, &format!("{BASE}/{path}")).body(text.to_owned());
        Answer::of(format!("{method} {path}"), request).await
    }
    async fn create(&self, name: &str, text: &str) {
        let (project, env) = name.split_once('/').unwrap();
        let _ = self.admin.post(BASE, json!({"project": project, "name": env})).await.expect(200);
        let _ = self.raw("PATCH", name, text).await.expect(200);
    }
    /// What is opened here, as a session holds it.
    async fn open(&self, path: &str, text: &str) -> Value {
        let opened = self.raw("POST", &format!("{path}/open?duration=1h"), text).await.expect(200).json();
        let id = opened["id"].as_str().unwrap().to_owned();
        let found = self.admin.get(&format!("{BASE}/{path}/open/{id}")).await.expect(200).json();
        found["properties"].clone()
    }
    /// A request that is refused; its reply is searched, too.
    async fn refused(&mut self, method: &str, path: &str, text: &str) {
        let answer = self.raw(method, path, text).await;
        assert!((400..500).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        self.said.push((format!("the reply to {method} {path} {text}"), answer.body));
    }

    /// Written, in each way in which a text can be written.
    async fn definitions(&mut self) {
        let (plain, quoted, block) = (self.plant("edit"), self.plant("quoted"), self.plant("block"));
        let (old, key) = (self.plant("old"), self.plant("provider"));
        let text = format!(
            "values:\n  a: {{fn::secret: \"{quoted}\"}}\n  b:\n    fn::secret: {plain} # why\n  c:\n    fn::secret: |\n      \
             {block}\n  copy: x-${{b}}-y\n  json:\n    fn::toBase64: ${{b}}\n  aws:\n    fn::open::aws-login:\n      static:\n        \
             accessKeyId: AKIAEXAMPLE\n        secretAccessKey:\n          fn::secret: {key}\n"
        );
        self.create("web/prod", &format!("values:\n  b:\n    fn::secret: {old}\n")).await;
        let _ = self.raw("PATCH", "web/prod", &text).await.expect(200);
        self.create("web/user", "imports: [web/prod]\nvalues: {mine: \"${b}\"}\n").await;
        let opened = self.open("web/user", "").await;
        assert_eq!(
            (&opened["mine"]["value"], &opened["aws"]["value"]["secretAccessKey"]["value"]),
            (&json!(plain), &json!(key))
        );
        for path in ["check?showSecrets=true", "versions/2/check?showSecrets=true"] {
            let _ = self.raw("POST", &format!("web/prod/{path}"), "").await.expect(200);
        }
        for path in ["decrypt", "versions/2/decrypt"] {
            let _ = self.admin.get(&format!("{BASE}/web/prod/{path}")).await.expect(200);
        }
        let text = self.plant("encrypt");
        let sealed = self.admin.post(&format!("{BASE}/web/prod/encrypt-secrets"), json!({"plaintexts": [text]})).await;
        let clear = self.admin.post(&format!("{BASE}/web/prod/decrypt-secrets"), sealed.expect(200).json()).await;
        assert_eq!(clear.expect(200).json()["plaintexts"][0], text);
    }

    /// Never stored at all.
    async fn anonymous(&mut self) {
        let (opened, checked) = (self.plant("anonymous"), self.plant("checked"));
        let text = format!("imports: [web/prod]\nvalues: {{s: {{fn::secret: {opened}}}}}\n");
        assert_eq!(self.open("yaml", &text).await["s"]["value"], opened);
        let text = format!("values: {{s: {{fn::secret: {checked}}}, t: \"${{s}}\"}}\n");
        for path in ["yaml/check", "yaml/check?showSecrets=true"] {
            let _ = self.raw("POST", path, &text).await.expect(200);
        }
    }

    /// Copied with all that was before, deleted, restored.
    async fn copies(&self) {
        let all = json!({"name": "copy", "preserveHistory": true, "preserveRevisionTags": true});
        let _ = self.admin.post(&format!("{BASE}/web/prod/clone"), all).await.expect(204);
        assert_eq!(self.open("web/copy", "").await["b"]["value"], planted("edit"));
        let _ = self.admin.delete(&format!("{BASE}/web/copy")).await.expect(200);
        let gone = self.admin.get(&format!("{BASE}/restore")).await.expect(200).json();
        let at = &gone["environments"][0]["deletedAt"];
        let body = json!({"project": "web", "name": "copy", "deletionTimestamp": at});
        let _ = self.admin.send("PUT", &format!("{BASE}/restore"), Some(body)).await.expect(204);
        let _ = self.admin.delete(&format!("{BASE}/web/copy")).await.expect(200);
    }

    /// Made by Pileus itself: a rotated password, an identity token.
    async fn made(&mut self) {
        let text = "values:\n  pw:\n    fn::rotate::password:\n      inputs: {length: 30}\n  token:\n    fn::open::oidc:\n      \
             audience: somebody\n      identityToken: {version: v2}\n";
        self.create("web/made", text).await;
        for _ in 0..2 {
            let _ = self.admin.post(&format!("{BASE}/web/made/rotate"), json!({"Paths": null})).await.expect(200);
            let opened = self.open("web/made", "").await;
            let password = opened["pw"]["value"]["current"]["value"].as_str().unwrap();
            let token = opened["token"]["value"].as_str().unwrap();
            assert!(password.len() == 30 && token.len() > 100, "{opened}");
            self.secrets.extend([password.to_owned(), token.to_owned()]);
        }
    }

    /// Written where something is wrong: what is said of that must not quote it.
    async fn mistakes(&mut self) {
        let secret = self.plant("mistake");
        for wrong in [
            format!("values:\n  a:\n    fn::secret: {secret}\n  b: ${{nothing}}\n"),
            format!("values:\n  a:\n    fn::secret: \"{secret}\n"),
            format!("values:\n  a:\n    fn::secret: {secret}\n   b: 1\n"),
            format!("values:\n  a:\n    fn::secret: {{{secret}: 1}}\n"),
            format!("values:\n  a:\n    fn::secret: {{ciphertext: {secret}}}\n"),
            format!("values:\n  a:\n    fn::fromJSON:\n      fn::secret: {secret}\n"),
            format!("values:\n  a:\n    fn::fromBase64:\n      fn::secret: {secret}\n"),
            format!("values:\n  a:\n    fn::join: [1, [{{fn::secret: {secret}}}]]\n"),
            format!(
                "values:\n  a:\n    fn::validate:\n      schema: {{type: number}}\n      value: {{fn::secret: {secret}}}\n"
            ),
            format!("values:\n  s: {{fn::secret: {secret}}}\n  a: ${{s.{}}}\n", "x"),
            format!("values:\n  a:\n    fn::open::aws-login:\n      static: {{fn::secret: {secret}}}\n"),
            format!(
                "values:\n  a:\n    fn::open::oidc:\n      audience: x\n      identityToken: {{version: {{fn::secret: {secret}}}}}\n"
            ),
        ] {
            for (method, path) in [("PATCH", "web/user"), ("POST", "yaml/open")] {
                self.refused(method, path, &wrong).await;
            }
        }
        for path in ["web/prod/open/nosuch", "web/prod/versions/99", "web/prod/versions/tags/nosuch"] {
            self.refused("GET", path, "").await;
        }
    }

    /// Everything that is kept or was said.
    async fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = self.said.clone();
        all.push(("the metrics".into(), self.admin.get("/metrics").await.expect(200).body));
        all.push(("the log".into(), std::fs::read(self.world.start.data_dir.with_extension("log")).unwrap()));
        files(&self.world.start.data_dir, &mut all);
        if let Some(database) = &self.world.start.database {
            let (cluster, name) = (postgres::shared().unwrap(), database.rsplit('/').next().unwrap());
            let tables = cluster.psql(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
            for table in tables.lines() {
                all.push((
                    format!("table {table}"),
                    cluster.psql(name, &format!("COPY {table} TO STDOUT")).into_bytes(),
                ));
            }
            all.push(("the database's log".into(), cluster.log().into_bytes()));
        }
        all
    }

    async fn search(self) {
        let all = self.everything().await;
        let size: usize = all.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(size > 100_000, "only {size} bytes were searched");
        // The search finds what is there.
        assert!(all.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("web/user")));
        for (place, bytes) in &all {
            let text = String::from_utf8_lossy(bytes);
            for form in self.secrets.iter().flat_map(|secret| forms(secret)) {
                assert!(!text.contains(&form), "{form} is in {place}");
            }
        }
    }
}

fn files(directory: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

/// The ways in which a secret can be written: as it is, in hexadecimal, and within base64 at each offset.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for offset in 0..3 {
        let text = STANDARD.encode([&b"xxx"[..offset], secret.as_bytes()].concat());
        // The first and last digits depend on what stands before and after.
        all.push(text[if offset == 0 { 0 } else { 4 }..text.len() - 4].to_owned());
    }
    all
}

async fn hunt(world: World) {
    let mut hunt = Hunt::new(&world);
    hunt.definitions().await;
    hunt.anonymous().await;
    hunt.copies().await;
    hunt.made().await;
    hunt.mistakes().await;
    hunt.search().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_anywhere_in_clear_sqlite() {
    hunt(World::start_with(&ENV)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_anywhere_in_clear_postgres() {
    if let Some(world) = World::start_on_postgres(&ENV) {
        hunt(world).await;
    }
}
