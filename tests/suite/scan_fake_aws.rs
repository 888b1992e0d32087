//! An AWS that lists some types, page by page, has nothing else, and can be made to stop answering after so many questions.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Resources of each type, and how many of them stand on a page.
pub const EACH: u64 = 60;
const PAGE: u64 = 25;
/// By how much the names move from one generation to the next: so many go, so many come.
pub const MOVE: u64 = 10;

/// A type that is listed: its place is a region or global.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Pulumi's name.
    pub token: &'static str,
    /// Whether it belongs to no region.
    pub global: bool,
    operation: &'static str,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// JSON: the list, the request's and the answer's continuation, the property with the name.
    Json(&'static str, &'static str, &'static str, &'static str),
    /// IAM's XML: the list, the element with the name.
    Iam(&'static str, &'static str),
}

/// All that it lists.
pub const KINDS: [Kind; 7] = [
    Kind {
        token: "aws:route53domains/registeredDomain:RegisteredDomain",
        global: true,
        operation: "ListDomains",
        form: Form::Json("Domains", "Marker", "NextPageMarker", "DomainName"),
    },
    Kind {
        token: "aws:iam/instanceProfile:InstanceProfile",
        global: true,
        operation: "ListInstanceProfiles",
        form: Form::Iam("InstanceProfiles", "InstanceProfileName"),
    },
    Kind {
        token: "aws:iam/serverCertificate:ServerCertificate",
        global: true,
        operation: "ListServerCertificates",
        form: Form::Iam("ServerCertificateMetadataList", "ServerCertificateName"),
    },
    Kind { token: "aws:memorydb/cluster:Cluster", ..memorydb("DescribeClusters", "Clusters", "Name") },
    Kind { token: "aws:memorydb/acl:Acl", ..memorydb("DescribeACLs", "ACLs", "Name") },
    Kind { token: "aws:memorydb/user:User", ..memorydb("DescribeUsers", "Users", "Name") },
    Kind {
        token: "aws:dax/subnetGroup:SubnetGroup",
        ..memorydb("DescribeSubnetGroups", "SubnetGroups", "SubnetGroupName")
    },
];

const fn memorydb(operation: &'static str, list: &'static str, name: &'static str) -> Kind {
    Kind { token: "", global: false, operation, form: Form::Json(list, "NextToken", "NextToken", name) }
}

/// The numbers that there are in a generation.
pub fn numbers(generation: u64) -> std::ops::Range<u64> {
    generation * MOVE..generation * MOVE + EACH
}

/// Whether a resource is another one in this generation than in the one before.
pub const fn changes(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// What the resource with this number is called.
pub fn name(number: u64) -> String {
    format!("n{number}.example.com")
}

fn said(number: u64, generation: u64) -> String {
    if changes(number) { format!("generation {generation}") } else { "always the same".into() }
}

/// The server.
#[derive(Debug)]
pub struct FakeAws {
    /// Where it is.
    pub url: String,
    world: Arc<World>,
}

#[derive(Debug)]
struct World {
    generation: AtomicU64,
    /// Questions that are still answered.
    left: AtomicI64,
    /// Questions that wait.
    waiting: watch::Sender<u64>,
    /// Goes up when those that wait are let go.
    gate: watch::Sender<u64>,
    asked: AtomicU64,
    /// The regions that are enabled.
    open: Mutex<Vec<String>>,
}

impl FakeAws {
    /// Starts it; it ends with the test's runtime.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(World {
            generation: AtomicU64::new(1),
            left: AtomicI64::new(i64::MAX),
            waiting: watch::Sender::new(0),
            gate: watch::Sender::new(0),
            asked: AtomicU64::new(0),
            open: Mutex::new(vec!["eu-west-1".into(), "us-east-1".into()]),
        });
        let shared = Arc::clone(&world);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, world }
    }
    /// From now on this is what there is.
    pub fn generation(&self, generation: u64) {
        self.world.generation.store(generation, Ordering::SeqCst);
    }
    /// These regions are enabled; the others accept no credentials.
    pub fn open(&self, regions: &[&str]) {
        *self.world.open.lock().unwrap() = regions.iter().map(|region| (*region).to_owned()).collect();
    }
    /// Answers so many more questions, then none.
    pub fn answer(&self, questions: i64) {
        self.world.left.store(questions, Ordering::SeqCst);
        self.world.waiting.send_replace(0);
        self.world.gate.send_modify(|gate| *gate += 1);
    }
    /// Returns when at least so many questions wait for an answer that does not come.
    pub async fn stuck(&self, questions: u64) {
        let mut waiting = self.world.waiting.subscribe();
        drop(waiting.wait_for(|waiting| *waiting >= questions).await.unwrap());
    }
    /// Questions so far.
    pub fn asked(&self) -> u64 {
        self.world.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, world: Arc<World>) {
    let mut bytes = Vec::new();
    while let Some((head, body)) = request(&mut stream, &mut bytes).await {
        let (status, answer) = world.answer(&head, &body).await;
        let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request's head and body; what follows stays in `bytes`.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let lower = head.to_ascii_lowercase();
            let length =
                lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if bytes.len() >= whole {
                let body = String::from_utf8_lossy(&bytes[end + 4..whole]).into_owned();
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

fn parameter<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

impl World {
    async fn answer(&self, head: &str, body: &str) -> (u16, String) {
        let target = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("x-amz-target").then(|| value.trim().rsplit('.').next().unwrap_or_default())
        });
        let operation = target.or_else(|| parameter(body, "Action")).unwrap_or_default();
        let credential = head.split("Credential=").nth(1).unwrap_or_default();
        let account = credential.get(4..16).unwrap_or_default();
        let service = credential.split('/').nth(3).unwrap_or_default();
        let region = credential.split('/').nth(2).unwrap_or_default();
        let open = self.open.lock().unwrap().clone();
        if !open.iter().any(|open| open == region) {
            let error = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no such token</Message></Error></ErrorResponse>";
            return (403, error.into());
        }
        match operation {
            "GetCallerIdentity" => return (200, identity(account)),
            "DescribeRegions" => return (200, regions(&open)),
            _ => {}
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.turn().await;
        let services = ["route53domains", "iam", "memorydb", "dax"];
        let kind = KINDS.iter().find(|kind| {
            let of = kind.token.strip_prefix("aws:").and_then(|rest| rest.split('/').next());
            kind.operation == operation && of == Some(service)
        });
        match kind.filter(|_| services.contains(&service)) {
            Some(kind) => (200, page(kind, body, self.generation.load(Ordering::SeqCst))),
            // Of what speaks JSON there is nothing; the rest does not exist here. Neither is a failure of the scan.
            None if target.is_some() => (200, "{}".into()),
            None => (501, String::new()),
        }
    }
    /// Returns when the question may be answered.
    async fn turn(&self) {
        let mut gate = self.gate.subscribe();
        while self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.waiting.send_modify(|waiting| *waiting += 1);
            drop(gate.changed().await);
        }
    }
}

fn identity(account: &str) -> String {
    format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/scanner</Arn>\
         <UserId>AIDA</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
}

fn regions(open: &[String]) -> String {
    let items: String = open.iter().map(|region| format!("<item><regionName>{region}</regionName></item>")).collect();
    format!("<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>")
}

fn page(kind: &Kind, body: &str, generation: u64) -> String {
    let all = numbers(generation);
    let json = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
    let token = match kind.form {
        Form::Json(_, asks, ..) => json[asks].as_str(),
        Form::Iam(..) => parameter(body, "Marker"),
    };
    let first = token.and_then(|token| token.parse().ok()).unwrap_or(all.start);
    let end = all.end.min(first + PAGE);
    let next = (end < all.end).then(|| end.to_string());
    match kind.form {
        Form::Json(list, _, continues, called) => {
            let items: Vec<_> = (first..end)
                .map(|n| serde_json::json!({called: name(n), "Description": said(n, generation)}))
                .collect();
            serde_json::json!({list: items, continues: next}).to_string()
        }
        Form::Iam(list, called) => {
            let items: String = (first..end)
                .map(|n| {
                    let (name, said) = (name(n), said(n, generation));
                    format!("<member><{called}>{name}</{called}><Arn>arn:aws:iam::123456789012:x/{name}</Arn><Path>{said}</Path></member>")
                })
                .collect();
            let more = next.map(|next| format!("<Marker>{next}</Marker>")).unwrap_or_default();
            let operation = kind.operation;
            format!(
                "<{operation}Response><{operation}Result><IsTruncated>{}</IsTruncated>{more}<{list}>{items}</{list}>\
                 </{operation}Result></{operation}Response>",
                !more.is_empty()
            )
        }
    }
}
