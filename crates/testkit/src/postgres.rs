//! A real PostgreSQL for tests, from the machine's own package: own directory, own port, loopback only.
//!
//! A shell watches over it: it stops the server and removes the directory as soon as the test process has ended,
//! however that happened.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// The oldest version that is supported.
const OLDEST: u32 = 15;
/// With this in the environment a missing PostgreSQL fails the test instead of skipping it.
const REQUIRE: &str = "PILEUS_REQUIRE_POSTGRES";

/// Starts the server, says so, waits for the end of its input, stops the server and removes everything. An interrupt of
/// the tests must not end it before that.
/// `$1` programs, `$2` directory, `$3` options.
const WATCH: &str = r#"
trap '' INT TERM HUP
"$1/pg_ctl" -D "$2/data" -l "$2/log" -o "$3" -w -t 60 start </dev/null >"$2/start" 2>&1 || { echo failed; exit 1; }
echo ready
cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate -w stop </dev/null >/dev/null 2>&1
rm -rf "$2"
"#;

/// Whether what is committed must reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: for measurements and for tests of crashes of the machine.
    Real,
    /// Nothing is synchronised: for suites. Survives the end of processes, not of the machine.
    None,
}

/// A running server of the test's own.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    directory: PathBuf,
    port: u16,
    options: String,
    next: AtomicU32,
    watcher: Mutex<Option<(Child, ChildStdin)>>,
}

/// A fresh, empty database of the server that all tests of this process share, as a URL. `None`, and a line on standard
/// error, where PostgreSQL is missing.
///
/// # Panics
/// If `PILEUS_REQUIRE_POSTGRES=1` and it is missing, or if it is there and does not start.
pub fn fresh_database() -> Option<String> {
    shared().map(Cluster::fresh_database)
}

/// The server that all tests of this process share, without durability.
///
/// # Panics
/// As [`fresh_database`].
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(Durability::None)).as_ref()
}

impl Cluster {
    /// Starts a server. `None` where PostgreSQL is missing.
    ///
    /// # Panics
    /// As [`fresh_database`].
    pub fn start(durability: Durability) -> Option<Self> {
        let Some(programs) = programs() else {
            let required = std::env::var(REQUIRE).is_ok_and(|v| v == "1");
            assert!(!required, "{REQUIRE}=1, but there is no PostgreSQL {OLDEST} or newer on this machine");
            eprintln!("SKIPPED: there is no PostgreSQL {OLDEST} or newer on this machine");
            return None;
        };
        let directory = directory();
        let init = ["-A", "trust", "-U", "pileus", "-E", "UTF8", "--locale=C", "--no-sync", "-D"];
        let made = as_postgres(&programs.join("initdb")).args(init).arg(directory.join("data")).output();
        match made {
            Ok(output) if output.status.success() => {}
            other => panic!("initdb failed: {other:?}"),
        }
        let port = free_port();
        let safety = match durability {
            Durability::Real => "",
            Durability::None => " -c fsync=off -c full_page_writes=off",
        };
        let options = format!(
            "-p {port} -k {} -c listen_addresses=127.0.0.1 -c max_connections=300 -c deadlock_timeout=200ms{safety}",
            directory.display()
        );
        let cluster = Self { programs, directory, port, options, next: AtomicU32::new(0), watcher: Mutex::new(None) };
        cluster.resume();
        Some(cluster)
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://pileus@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates a database and gives its URL.
    ///
    /// # Panics
    /// If it can't.
    pub fn fresh_database(&self) -> String {
        let name = format!("t{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Runs SQL as the superuser and gives what it printed, unaligned.
    ///
    /// # Panics
    /// If it fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d", &self.url(database)])
            .output();
        match output {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim_end().to_owned(),
            other => panic!("psql failed: {other:?}"),
        }
    }

    /// Stops the server at once, as if it had been killed. Its data stays.
    ///
    /// # Panics
    /// If it can't.
    pub fn stop(&self) {
        let mut stop = as_postgres(&self.programs.join("pg_ctl"));
        stop.arg("-D").arg(self.directory.join("data")).args(["-m", "immediate", "-w", "stop"]);
        match stop.output() {
            Ok(output) if output.status.success() => {}
            other => panic!("pg_ctl stop failed: {other:?}"),
        }
    }

    /// Starts the stopped server again, on the same port.
    ///
    /// # Panics
    /// If it can't.
    pub fn restart(&self) {
        let mut start = as_postgres(&self.programs.join("pg_ctl"));
        start.arg("-D").arg(self.directory.join("data")).arg("-l").arg(self.directory.join("log"));
        start.args(["-o", &self.options, "-w", "-t", "60", "start"]);
        let status = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.is_ok_and(|s| s.success()), "pg_ctl start failed: {}", self.log());
    }

    /// What the server wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Starts the server under its watcher.
    fn resume(&self) {
        let mut watcher = as_postgres(Path::new("/bin/sh"));
        watcher.args(["-c", WATCH, "sh"]).arg(&self.programs).arg(&self.directory).arg(&self.options);
        let watcher = watcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut watcher = watcher.unwrap_or_else(|e| panic!("no shell for PostgreSQL: {e}"));
        let (Some(input), Some(output)) = (watcher.stdin.take(), watcher.stdout.take()) else {
            panic!("the watcher has no pipes");
        };
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        assert!(read.is_ok() && line == "ready\n", "PostgreSQL did not start: {}", self.log());
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some((watcher, input));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let watcher = self.watcher.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((mut watcher, input)) = watcher {
            drop(input);
            let _ = watcher.wait();
        }
    }
}

/// A directory that the server's user owns and others can't read.
fn directory() -> PathBuf {
    let made = tempfile::Builder::new().prefix("pileus-pg-").tempdir();
    let path = made.unwrap_or_else(|e| panic!("no directory for PostgreSQL: {e}")).keep();
    let mode = fs::set_permissions(&path, fs::Permissions::from_mode(0o700));
    let owner = server_user().map_or(Ok(()), |(user, group)| chown(&path, Some(user), Some(group)));
    assert!(mode.is_ok() && owner.is_ok(), "the directory {} can't be handed over: {owner:?}", path.display());
    path
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    listener.unwrap_or_else(|e| panic!("no free port: {e}")).port()
}

/// The newest installed server's programs.
fn programs() -> Option<PathBuf> {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = packaged
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .filter(|(version, bin)| *version >= OLDEST && bin.join("initdb").exists())
        .max();
    newest.map(|(_, bin)| bin).or_else(on_path)
}

/// Programs on the search path, if they are new enough.
fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let bin = std::env::split_paths(&path).find(|p| p.join("initdb").exists() && p.join("pg_ctl").exists())?;
    let said = Command::new(bin.join("initdb")).arg("--version").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let version: u32 = said.split_whitespace().last()?.split('.').next()?.parse().ok()?;
    (version >= OLDEST).then_some(bin)
}

/// The user that the server runs as if we are root, which it refuses to be.
fn server_user() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        let id = Command::new("id").arg("-u").output().ok()?;
        if id.stdout != b"0\n" {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let line = users.lines().find(|l| l.starts_with("postgres:"));
        let Some(line) = line else { panic!("PostgreSQL does not run as root, and there is no user \"postgres\"") };
        let mut fields = line.split(':').skip(2).map_while(|f| f.parse().ok());
        fields.next().zip(fields.next())
    })
}

/// A command that runs as the server's user.
fn as_postgres(program: &Path) -> Command {
    let Some((user, group)) = server_user() else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into(), "--".into()]);
    command.arg(program).current_dir("/");
    command
}
