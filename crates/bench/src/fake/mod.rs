//! An AWS of our own for the benchmark: what it answers is recorded in `data/aws.txt`, every call takes the same time, and no
//! more than so many are answered at once.
//!
//! This room knows as much of HTTP and of AWS as the scanner needs. It must never know what is measured.

mod book;
mod request;

use book::{Answer, Book};
use request::Request;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

use crate::Result;

/// The regions that it has.
pub const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How long a call takes.
    pub call: Duration,
    /// Calls that are answered at once; more wait.
    pub at_once: usize,
    /// Whether there is anything at all.
    pub empty: bool,
}

/// What was asked so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Calls.
    pub calls: AtomicU64,
    /// Of these, pages of lists that have something.
    pub pages: AtomicU64,
    /// Of these, reads of one resource.
    pub reads: AtomicU64,
    /// `GetCallerIdentity`.
    pub identities: AtomicU64,
    /// Connections that were accepted.
    pub connections: AtomicU64,
}

struct Shared {
    book: Book,
    manner: Manner,
    turns: Semaphore,
    counts: Arc<Counts>,
}

/// A running one. It ends when dropped.
#[derive(Debug)]
pub struct Fake {
    /// Where it listens.
    pub url: String,
    /// What was asked.
    pub counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl Fake {
    /// Starts it on a port of its own.
    ///
    /// # Errors
    /// In words.
    pub async fn start(manner: Manner) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| format!("no port: {e}"))?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let counts = Arc::new(Counts::default());
        let turns = Semaphore::new(manner.at_once);
        let shared = Arc::new(Shared { book: Book::recorded()?, manner, turns, counts: Arc::clone(&counts) });
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.counts.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A client that goes away is no trouble.
                    let _ = serve(&shared, stream).await;
                });
            }
        });
        Ok(Self { url: format!("http://{address}"), counts, task })
    }

    /// How many resources a scan of everything finds.
    pub fn resources() -> Result<u64> {
        Ok(Book::recorded()?.resources())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, request after request.
async fn serve(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut taken, mut answer) = (Vec::with_capacity(8 << 10), Vec::with_capacity(64 << 10));
    loop {
        let (request, length) = loop {
            if let Some(found) = Request::parse(&taken) {
                break found;
            }
            if stream.read_buf(&mut taken).await? == 0 {
                return Ok(());
            }
        };
        {
            let _turn = shared.turns.acquire().await.map_err(std::io::Error::other)?;
            if !shared.manner.call.is_zero() {
                tokio::time::sleep(shared.manner.call).await;
            }
            shared.write(&request, &mut answer);
        }
        taken.drain(..length);
        stream.write_all(&answer).await?;
    }
}

impl Shared {
    fn write(&self, request: &Request, out: &mut Vec<u8>) {
        let call = self.counts.calls.fetch_add(1, Ordering::Relaxed);
        if request.operation == "GetCallerIdentity" {
            self.counts.identities.fetch_add(1, Ordering::Relaxed);
        }
        let answer = self.book.answer(request, call, self.manner.empty);
        match answer.what {
            book::What::Page => self.counts.pages.fetch_add(1, Ordering::Relaxed),
            book::What::Read => self.counts.reads.fetch_add(1, Ordering::Relaxed),
            book::What::Nothing => 0,
        };
        head(&answer, out);
        out.extend_from_slice(&answer.body);
    }
}

fn head(answer: &Answer, out: &mut Vec<u8>) {
    let reason = if answer.status == 200 { "OK" } else { "Refused" };
    out.clear();
    out.extend_from_slice(
        format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nx-amzn-RequestId: 0a1b2c3d-4e5f-6a7b-8c9d-0123456789ab\r\n\
             Content-Length: {}\r\n\r\n",
            answer.status,
            answer.kind,
            answer.body.len()
        )
        .as_bytes(),
    );
}
