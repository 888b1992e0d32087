//! A proxy in front of a cloud that breaks what passes: too many requests, errors, cut connections, late and malformed answers. What it
//! does is decided by the question, how often it came and a seed, and by nothing else: the same each time.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What it does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// 429, as a service refuses.
    Throttled,
    /// 500 without a word.
    Broken,
    /// The connection ends before an answer.
    Cut,
    /// It ends in the middle of one.
    Half,
    /// The answer never comes.
    Late,
    /// Half of the answer, announced as the whole.
    Malformed,
    /// A page for people with the status of a success.
    Page,
    /// An empty answer with the status of a success.
    Empty,
}

const FAULTS: [Fault; 8] = [
    Fault::Throttled,
    Fault::Broken,
    Fault::Cut,
    Fault::Half,
    Fault::Late,
    Fault::Malformed,
    Fault::Page,
    Fault::Empty,
];

/// The proxy; it ends with the test's runtime.
#[derive(Debug)]
pub struct Proxy {
    /// Where it is.
    pub url: String,
    world: Arc<World>,
}

#[derive(Debug)]
struct World {
    to: String,
    /// 0: nothing is broken.
    seed: AtomicU64,
    asked: Mutex<BTreeMap<u64, u64>>,
    done: Mutex<BTreeMap<Fault, u64>>,
}

impl Proxy {
    /// In front of this.
    pub async fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let to = url.trim_start_matches("http://").to_owned();
        let world = Arc::new(World { to, seed: AtomicU64::new(0), asked: Mutex::default(), done: Mutex::default() });
        let shared = Arc::clone(&world);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let world = Arc::clone(&shared);
                tokio::spawn(async move { drop(serve(stream, &world).await) });
            }
        });
        Self { url: at, world }
    }
    /// From now on breaks what this seed says; nothing for 0.
    pub fn seed(&self, seed: u64) {
        self.world.asked.lock().unwrap().clear();
        self.world.seed.store(seed, Ordering::SeqCst);
    }
    /// How often it has done what.
    pub fn done(&self) -> BTreeMap<Fault, u64> {
        self.world.done.lock().unwrap().clone()
    }
}

fn hash(parts: &[&dyn AsRef<[u8]>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        part.as_ref().hash(&mut hasher);
    }
    hasher.finish()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()))
}

/// What is asked for, as far as the question says: the operation of a service, without its parameters.
fn operation(head: &str, body: &[u8]) -> String {
    let service = head.split("Credential=").nth(1).and_then(|scope| scope.split('/').nth(3)).unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let path = head.split(' ').nth(1).unwrap_or_default();
    // Of a path the words, since the rest are names of things.
    let words: String = path.chars().filter(|c| !c.is_ascii_digit()).take(24).collect();
    let named = header(head, "x-amz-target").map(str::to_owned).or_else(|| action.map(str::to_owned));
    format!("{service} {}", named.unwrap_or(words))
}

impl World {
    /// Some operations are always broken in one way, of the others one question in five, each time in another.
    fn fault(&self, head: &str, body: &[u8]) -> Option<Fault> {
        let seed = self.seed.load(Ordering::SeqCst);
        let operation = operation(head, body);
        if seed == 0 || operation.contains("GetCallerIdentity") {
            return None;
        }
        let line = head.lines().next().unwrap_or_default();
        let question = hash(&[&line, &operation, &body]);
        let times = {
            let mut asked = self.asked.lock().unwrap();
            let times = asked.entry(question).or_default();
            *times += 1;
            *times
        };
        let always = hash(&[&seed.to_le_bytes(), &operation]);
        let now = hash(&[&seed.to_le_bytes(), &question.to_le_bytes(), &times.to_le_bytes()]);
        let chosen = if always.is_multiple_of(7) {
            always / 7
        } else if now.is_multiple_of(5) {
            now / 5
        } else {
            return None;
        };
        let fault = FAULTS[usize::try_from(chosen % FAULTS.len() as u64).unwrap()];
        *self.done.lock().unwrap().entry(fault).or_default() += 1;
        Some(fault)
    }
}

/// Reads one message: its head and its body.
async fn message(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end + 4]).into_owned();
            let whole = end + 4 + header(&head, "content-length").and_then(|v| v.parse::<usize>().ok()).unwrap_or(0);
            if bytes.len() >= whole {
                let body = bytes[end + 4..whole].to_vec();
                drop(bytes.drain(..whole));
                return Some((head, body));
            }
        }
        let mut chunk = [0; 16_384];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}

async fn serve(mut client: TcpStream, world: &World) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Some((head, body)) = message(&mut client, &mut bytes).await {
        let fault = world.fault(&head, &body);
        match fault {
            Some(Fault::Cut) => return Ok(()),
            Some(Fault::Late) => std::future::pending().await,
            Some(Fault::Throttled) => {
                let said = "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}";
                reply(&mut client, 429, said.as_bytes(), said.len()).await?;
                continue;
            }
            Some(Fault::Broken) => {
                reply(&mut client, 500, b"", 0).await?;
                continue;
            }
            Some(Fault::Page) => {
                let said = b"<html><body>Sign in to the network</body></html>";
                reply(&mut client, 200, said, said.len()).await?;
                continue;
            }
            Some(Fault::Empty) => {
                reply(&mut client, 200, b"", 0).await?;
                continue;
            }
            _ => {}
        }
        let mut server = TcpStream::connect(&world.to).await?;
        server.write_all(head.as_bytes()).await?;
        server.write_all(&body).await?;
        let Some((head, body)) = message(&mut server, &mut Vec::new()).await else { return Ok(()) };
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(502);
        match fault {
            // What is empty anyway is not malformed by being cut.
            Some(Fault::Half) if body.len() > 1 => {
                return reply(&mut client, status, &body[..body.len() / 2], body.len()).await;
            }
            Some(Fault::Malformed) if body.len() > 1 => {
                reply(&mut client, status, &body[..body.len() / 2], body.len() / 2).await?
            }
            _ => {
                client.write_all(head.as_bytes()).await?;
                client.write_all(&body).await?;
                if header(&head, "connection").is_some_and(|v| v.eq_ignore_ascii_case("close")) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

async fn reply(client: &mut TcpStream, status: u16, body: &[u8], announced: usize) -> std::io::Result<()> {
    client.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: {announced}\r\n\r\n").as_bytes()).await?;
    client.write_all(body).await
}
