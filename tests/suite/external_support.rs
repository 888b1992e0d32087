//! Running programs that none of us wrote against a real server: nothing inherited from the environment, homes of their
//! own, loopback only. A missing program is said and skipped, unless `PILEUS_REQUIRE_EXTERNAL=1`.

use crate::support::skipped;
use pileus_testkit::server::{Server, Start, TOKEN};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// A real server on a fresh data directory, and a directory for the programs' files.
pub struct World {
    pub server: Server,
    pub directory: tempfile::TempDir,
    pub start: Start,
}

impl World {
    pub fn start() -> Self {
        Self::start_with(&[])
    }
    /// Starts the server with a further environment.
    pub fn start_with(env: &[(&str, &str)]) -> Self {
        Self::start_on(None, env)
    }
    /// The same on PostgreSQL; `None` where that is missing, which is said.
    pub fn start_on_postgres(env: &[(&str, &str)]) -> Option<Self> {
        pileus_testkit::postgres::fresh_database().map(|database| Self::start_on(Some(database), env))
    }
    fn start_on(database: Option<String>, env: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("home")).unwrap();
        let mut start = Start::new(env!("CARGO_BIN_EXE_pileus"), directory.path().join("data"));
        start.env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        start.database = database;
        Self { server: start.run(), directory, start }
    }
    pub fn url(&self) -> &str {
        &self.server.url
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
    /// Writes a file for a program to read.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
    /// A command with a clean environment and a home of its own.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("LANG", "C.UTF-8")
            .env("NO_PROXY", "*")
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }
    /// One of our scripts under `tests/external`, told where the server is and its token.
    pub fn script(&self, python: &Path, name: &str, args: &[&str]) -> Ran {
        let mut command = self.command(python);
        command.args(["-B"]).arg(external(name)).args([self.url(), TOKEN]).args(args);
        Ran::of(command)
    }
}

/// An AWS of others on loopback, with the buckets `walk-one` and `walk-two`; it ends with the value.
pub struct Moto {
    pub url: String,
    child: Child,
}

impl Moto {
    pub fn start(python: &Path) -> Self {
        let mut command = Command::new(python);
        let _ = command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("NO_PROXY", "*");
        let _ = command.args(["-B"]).arg(external("moto_house.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        // What moto lacks it says with a stack trace each time.
        let _ = command.stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).find_map(|line| serde_json::from_str::<Value>(&line).ok());
        let url = said.expect("moto says where it is")["url"].as_str().unwrap().to_owned();
        Self { url, child }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    pub asked: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(mut command: Command) -> Self {
        let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let args = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        Self::new(format!("{} {args}", command.get_program().to_string_lossy()), output)
    }
    fn new(asked: String, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("a program's output is UTF-8");
        Self { asked, code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
    /// Its standard output, if it succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}\n{}", self.asked, self.stdout, self.stderr);
        self.stdout
    }
    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let asked = self.asked.clone();
        let said = self.ok();
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{asked}: {e}: {said}"))
    }
    /// Its standard error, if it failed.
    #[track_caller]
    pub fn fails(self) -> String {
        assert!(self.code.is_some_and(|c| c != 0), "{} should fail\n{}", self.asked, self.stdout);
        self.stderr
    }
}

/// A file or directory of `tests/external`.
pub fn external(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/external").join(name)
}

fn missing(why: &str) {
    assert!(std::env::var("PILEUS_REQUIRE_EXTERNAL").as_deref() != Ok("1"), "{why}");
    skipped(why);
}

/// A program that `./check` provides and names in a variable; `None` (said) where it could not.
fn provided(variable: &str, what: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from).filter(|p| p.exists());
    if found.is_none() {
        missing(&format!("{what}: {variable} names no program (./check provides it)"));
    }
    found
}

/// Python with the wheels of `tests/external/requirements.txt`.
pub fn python(what: &str) -> Option<PathBuf> {
    provided("PILEUS_TEST_PYTHON", what)
}

/// The real pulumi CLI.
pub fn pulumi(what: &str) -> Option<PathBuf> {
    provided("PILEUS_TEST_PULUMI", what)
}

/// Node, and the folder with the packages of `tests/external/npm`.
pub fn node(what: &str) -> Option<(PathBuf, PathBuf)> {
    let modules = provided("PILEUS_TEST_NODE_MODULES", what)?;
    Some((on_path("node", what)?, modules))
}

/// The Go toolchain.
pub fn go(what: &str) -> Option<PathBuf> {
    provided("PILEUS_TEST_GO", what)
}

/// A program of the system.
pub fn on_path(program: &str, what: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|p| p.join(program)).find(|p| p.exists());
    if found.is_none() {
        missing(&format!("{what}: there is no {program}"));
    }
    found
}

/// The real pulumi CLI with a home of its own.
pub struct Cli<'a> {
    program: PathBuf,
    world: &'a World,
    home: String,
    token: Option<String>,
}

impl<'a> Cli<'a> {
    /// With the token in `PULUMI_ACCESS_TOKEN`.
    pub fn new(program: &Path, world: &'a World, token: &str) -> Self {
        let home = format!("pulumi-{}", &token[token.len() - 8..]);
        Self { program: program.to_owned(), world, home, token: Some(token.to_owned()) }
    }
    /// The same home without the variable: what is stored by `login` must do.
    pub fn without_variable(&self) -> Self {
        Self { program: self.program.clone(), world: self.world, home: self.home.clone(), token: None }
    }
    pub fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.world.command(&self.program);
        command.env("PULUMI_HOME", self.world.path(&self.home)).env("PULUMI_SKIP_UPDATE_CHECK", "1");
        if let Some(token) = &self.token {
            command.env("PULUMI_ACCESS_TOKEN", token);
        }
        command.arg("--non-interactive").args(args);
        Ran::of(command)
    }
    /// Logs in to the server.
    pub fn login(self) -> Self {
        let said = self.run(&["login", self.world.url()]).ok();
        assert!(said.starts_with(&format!("Logged in to {} as ", self.world.url())), "{said}");
        self
    }
    /// The body rows of the table that it prints, each a list of its cells.
    pub fn table(&self, args: &[&str]) -> Vec<Vec<String>> {
        let said = self.run(args).ok();
        let rows = said.lines().filter(|line| line.starts_with('│')).skip(1);
        rows.map(|row| row.trim_matches('│').split('│').map(|cell| cell.trim().to_owned()).collect()).collect()
    }
}
