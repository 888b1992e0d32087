//! A real `pileus` process for tests: started, asked, killed, started again on the same data.

use crate::client::Client;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// The token that every started server is given.
pub const TOKEN: &str = "pul-0123456789abcdef0123456789abcdef01234567";

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The program.
    pub binary: PathBuf,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// `--database`, for PostgreSQL.
    pub database: Option<String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// Further environment.
    pub env: Vec<(String, String)>,
}

impl Start {
    /// A server of this program on this data directory.
    pub fn new(binary: impl AsRef<Path>, data_dir: impl AsRef<Path>) -> Self {
        Self {
            binary: binary.as_ref().to_owned(),
            data_dir: data_dir.as_ref().to_owned(),
            database: None,
            args: Vec::new(),
            env: Vec::new(),
        }
    }
    /// The command, with nothing inherited from the environment but the path.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PILEUS_BOOTSTRAP_TOKEN", TOKEN)
            .envs(self.env.iter().cloned())
            .current_dir(self.data_dir.parent().unwrap_or(Path::new("/")))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&self.data_dir)
            .args(&self.args)
            .stdin(Stdio::null());
        if let Some(database) = &self.database {
            command.args(["--database", database]);
        }
        command
    }
    /// Starts it and waits until it says where it listens.
    pub fn run(&self) -> Server {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.data_dir.with_extension("log")).unwrap();
        let mut child = self.command().stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let Some(Ok(line)) = lines.next() else {
                let log = std::fs::read_to_string(self.data_dir.with_extension("log")).unwrap_or_default();
                panic!("the server ended before it listened: {said}\n{log}");
            };
            said.push_str(&line);
            said.push('\n');
            if let Some(url) = line.split_whitespace().find(|w| w.starts_with("http://127.0.0.1:")) {
                break url.trim_end_matches(['/', '.', ',']).to_owned();
            }
        };
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            for line in lines.map_while(Result::ok) {
                rest.push_str(&line);
                rest.push('\n');
            }
            rest
        });
        Server { child, url, said, rest: Some(rest) }
    }
}

/// A running server. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub url: String,
    said: String,
    rest: Option<std::thread::JoinHandle<String>>,
}

impl Server {
    /// A client with the bootstrap token.
    pub fn admin(&self) -> Client {
        Client::new(&self.url).with_token(TOKEN)
    }
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// Ends it at once, as a power cut would end the process (SIGKILL).
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
    /// Asks it to end (SIGTERM); gives its exit code and everything it wrote to standard output.
    pub fn stop(mut self) -> (Option<i32>, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let code = self.child.wait().ok().and_then(|s| s.code());
        let rest = self.rest.take().map(|r| r.join().unwrap_or_default()).unwrap_or_default();
        (code, format!("{}{rest}", self.said))
    }
    /// Resident memory in bytes, from `/proc`.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
    }
    /// User and system CPU time so far, from `/proc` (ticks of 10 ms).
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let after = stat.rsplit_once(')').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        let fields: Vec<u64> = after.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
        Duration::from_millis(fields.iter().sum::<u64>() * 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
