//! The dispatcher as a whole, with operations of the tests' own.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{Body, Builder, HttpConfig, Rates, Reply, Service, routes::Routes, serve};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use pileus_contract::{Access, Args, BodyKind, ObjectRule, Operation, RateClass, RawArgs, RawBody, Served};
use pileus_model::{Error, Result};
use pileus_testkit::app::{On, TestApp};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
    task::JoinHandle,
};

macro_rules! operations {
    ($($id:ident $method:literal $path:literal $access:ident $rate:ident $body:ident),* $(,)?) => {
        static OPERATIONS: &[Operation] = &[
            Operation::unserved("Unserved", "GET", "/unserved", "t"),
            Operation::absent("Absent", "GET", "/absent", "t"),
            $(Operation::served(stringify!($id), $method, $path, "t", Served {
                access: Access::$access,
                object: ObjectRule::Organization,
                audit: &[],
                why_unaudited: None,
                denied: "auth-failure-organization-role",
                rate: RateClass::$rate,
                status: 200,
                body: BodyKind::$body,
                summary: "",
            })),*
        ];
        $(struct $id(RawArgs);
        impl Args for $id {
            const OPERATION: &'static str = stringify!($id);
            fn decode(raw: RawArgs) -> Result<Self> { Ok(Self(raw)) }
        }
        impl From<$id> for RawArgs {
            fn from(args: $id) -> Self { args.0 }
        })*
    };
}

operations! {
    Long "GET" "/long" Public Public None,
    Panics "GET" "/panics" Public Public None,
    PanicsLater "POST" "/panics" Public Public None,
    Streams "GET" "/streams" Public Export None,
    Breaks "GET" "/breaks" Public Export None,
    Hangs "GET" "/hangs" Public Public None,
    Works "POST" "/works" Public Public None,
    Waits "GET" "/waits" Public Public None,
    Echoes "PUT" "/echoes/{name}" Public Public Json,
    Private "GET" "/orgs/{orgName}/private" Member Default None,
    Login "POST" "/login" Public Login Json,
}

/// Says that it has begun, waits until it may go on, and says that it has ended.
struct Work {
    begun: Semaphore,
    may_go_on: Semaphore,
    ended: Semaphore,
}

impl Work {
    const fn new() -> Self {
        Self { begun: Semaphore::const_new(0), may_go_on: Semaphore::const_new(0), ended: Semaphore::const_new(0) }
    }
    async fn run(&self) -> Result<()> {
        self.begun.add_permits(1);
        wait(&self.may_go_on).await;
        self.ended.add_permits(1);
        Ok(())
    }
}

async fn wait(semaphore: &Semaphore) {
    semaphore.acquire().await.unwrap().forget();
}

/// What `Works` does.
static WORK: Work = Work::new();
/// What `Waits` does.
static WAITING: Work = Work::new();

fn echo(raw: RawArgs) -> Value {
    let body = match raw.body {
        RawBody::Json(value) => value,
        _ => Value::Null,
    };
    json!({ "path": raw.path, "query": raw.query, "body": body })
}

fn parts(parts: Vec<Result<Bytes>>) -> Reply {
    Reply::stream(HeaderValue::from_static("text/csv"), HeaderMap::new(), stream::iter(parts))
}

fn handlers() -> Builder {
    let mut b = Builder::default();
    b.op::<Long, _, _>(|_, _| async { Ok("x".repeat(5000)) });
    b.op::<Panics, _, _>(|_, _| async { if true { panic!("at once") } else { Ok(()) } });
    b.op::<PanicsLater, _, _>(|_, _| async { if true { panic!("later") } else { Ok(()) } });
    b.op::<Streams, _, _>(|_, _| async { Ok(parts(vec![Ok("a,".into()), Ok("b\n".into())])) });
    b.op::<Breaks, _, _>(|_, _| async { Ok(parts(vec![Ok("a,".into()), Err(Error::internal("the disk is gone"))])) });
    b.op::<Hangs, _, _>(|_, _| std::future::pending::<Result<()>>());
    b.op::<Works, _, _>(|_, _| WORK.run());
    b.op::<Waits, _, _>(|_, _| WAITING.run());
    b.op::<Echoes, _, _>(|_, args| async { Ok(echo(args.into())) });
    b.op::<Private, _, _>(|_, _| async { Ok(()) });
    b.op::<Login, _, _>(|_, _| async { Err::<(), _>(Error::unauthenticated("no such user")) });
    b
}

struct House {
    service: Service,
    _app: TestApp,
}

async fn house(config: HttpConfig) -> House {
    let app = TestApp::start(On::Sqlite).await.unwrap();
    let routes = Routes::new(OPERATIONS, handlers().finish().unwrap()).unwrap();
    House { service: Service::new(app.app.clone(), config, routes), _app: app }
}

impl House {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = "203.0.113.7:4711".parse().unwrap();
        self.service.handle(request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap(), peer).await
    }
    async fn get(&self, path: &str) -> Response<Body> {
        self.ask("GET", path, &[], "").await
    }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The status, and the body where it has the form of every error.
async fn error(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-pulumi-request-id"));
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(body["code"], status);
    assert_eq!(body.as_object().unwrap().len(), 2);
    (status, body["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_not_served_says_so_to_anyone() {
    let house = house(HttpConfig::default()).await;
    let message = |text: &str| text.to_owned();
    assert_eq!(error(house.get("/nothing").await).await, (404, message("no operation has this path")));
    assert_eq!(
        error(house.get("/unserved").await).await,
        (501, message("operation Unserved is not served by this installation"))
    );
    assert_eq!(error(house.get("/absent").await).await.0, 404);
    let response = house.ask("OPTIONS", "/panics", &[], "").await;
    assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
    assert_eq!(error(response).await.0, 405);
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let house = house(HttpConfig::default()).await;
    assert_eq!(error(house.get("/panics").await).await, (500, "internal error".into()));
    assert_eq!(error(house.ask("POST", "/panics", &[], "").await).await, (500, "internal error".into()));
}

#[tokio::test]
async fn every_reply_has_its_headers_and_head_has_no_body() {
    let house = house(HttpConfig::default()).await;
    let get = house.get("/long").await;
    for (name, value) in [("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
        assert_eq!(get.headers()[name], value);
    }
    assert!(!get.headers().contains_key("content-encoding"));
    assert_eq!(text(get).await.len(), 5002);
    let head = house.ask("HEAD", "/long", &[], "").await;
    assert_eq!(head.headers()["content-length"], "5002");
    assert_eq!(text(head).await, "");
}

#[tokio::test]
async fn long_json_is_compressed_for_those_who_take_it() {
    let house = house(HttpConfig::default()).await;
    let response = house.ask("GET", "/long", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["vary"], "accept-encoding");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.len() < 200);
    assert_eq!(pileus_codec::gzip::inflate(&body, 10_000).unwrap().len(), 5002);
}

#[tokio::test]
async fn streams_end_or_break_but_are_never_cut_silently() {
    let house = house(HttpConfig::default()).await;
    let response = house.ask("GET", "/streams", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(response.headers()["content-type"], "text/csv");
    assert_eq!(text(response).await, "a,b\n");
    let broken = house.get("/breaks").await.into_body().collect().await;
    assert!(broken.is_err());
}

#[tokio::test]
async fn arguments_arrive_decoded() {
    let house = house(HttpConfig::default()).await;
    let response = house.ask("PUT", "/echoes/a%2Fb?q=x+y&q=%26", &[], r#"{"n":1}"#).await;
    let expected = json!({"path": [["name", "a/b"]], "query": [["q", "x y"], ["q", "&"]], "body": {"n": 1}});
    assert_eq!(serde_json::from_str::<Value>(&text(response).await).unwrap(), expected);
    for (path, body) in [("/echoes/%ff", ""), ("/echoes/a?q=%", ""), ("/echoes/a", "{"), ("/echoes/a", "\u{feff}{}")] {
        assert_eq!(error(house.ask("PUT", path, &[], body).await).await.0, 400, "{path} {body}");
    }
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let house = house(HttpConfig { body_limit: 10, ..HttpConfig::default() }).await;
    assert_eq!(house.ask("PUT", "/echoes/a", &[], "[1,2,3,45]").await.status(), 200);
    let message = "the body is too large: at most 10 bytes are accepted".to_owned();
    assert_eq!(error(house.ask("PUT", "/echoes/a", &[], "[1,2,3,456]").await).await, (413, message));
}

#[tokio::test]
async fn the_deadline_is_kept() {
    let house = house(HttpConfig { deadline: Duration::from_millis(10), ..HttpConfig::default() }).await;
    assert_eq!(error(house.get("/hangs").await).await, (503, "this took longer than 0 s".into()));
}

#[tokio::test]
async fn a_change_ends_although_the_client_goes_away() {
    let house = house(HttpConfig::default()).await;
    let asking = house.ask("POST", "/works", &[], "");
    assert!(asking.now_or_never().is_none());
    WORK.may_go_on.add_permits(1);
    wait(&WORK.ended).await;
}

#[tokio::test]
async fn rates_are_limited() {
    let rates =
        Rates { public_per_address: 2, failed_logins_per_minute: 10, failed_logins_burst: 2, ..Rates::default() };
    let house = house(HttpConfig { rates, ..HttpConfig::default() }).await;
    for status in [200, 200, 429] {
        assert_eq!(house.get("/streams").await.status(), status);
    }
}

#[tokio::test]
async fn failed_logins_are_limited_before_the_token_is_looked_up() {
    let rates = Rates { failed_logins_per_minute: 10, failed_logins_burst: 3, ..Rates::default() };
    let house = house(HttpConfig { rates, ..HttpConfig::default() }).await;
    let bad = [("authorization", "token pul-0000")];
    assert_eq!(error(house.ask("POST", "/login", &[], "{}").await).await.0, 401);
    for _ in 0..2 {
        let response = house.ask("GET", "/orgs/pulumi/private", &bad, "").await;
        assert_eq!(response.headers()["www-authenticate"], "token");
        assert_eq!(error(response).await.0, 401);
    }
    let response = house.ask("GET", "/orgs/pulumi/private", &bad, "").await;
    assert_eq!(response.headers()["retry-after"], "6");
    assert_eq!(error(response).await, (429, "too many failed logins from this address".into()));
    assert_eq!(error(house.ask("POST", "/login", &[], "{}").await).await.0, 429);
    assert_eq!(error(house.get("/orgs/pulumi/private").await).await.0, 401);
}

#[tokio::test]
async fn strangers_get_404_and_members_get_in() {
    let house = house(HttpConfig::default()).await;
    let credentials = format!("token {}", house._app.admin.token());
    let good = [("authorization", credentials.as_str())];
    assert_eq!(house.ask("GET", "/orgs/pulumi/private", &good, "").await.status(), 200);
    let response = house.ask("GET", "/orgs/nobody/private", &good, "").await;
    assert_eq!(error(response).await, (404, "organization not found".into()));
}

/// The service on a socket: its address, what stops it, and how many connections it had to cut.
async fn listening(house: &House, drain: Duration) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = serve(listener, house.service.clone(), async move { drop(stopped.await) }, drain);
    (address, stop, tokio::spawn(serving))
}

async fn sent(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_broken_stream_breaks_the_connection() {
    let house = house(HttpConfig::default()).await;
    let (address, _stop, _serving) = listening(&house, Duration::ZERO).await;
    let whole = rest(sent(address, "GET /streams HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await).await;
    assert!(whole.ends_with("\r\n0\r\n\r\n"), "{whole}");
    let broken = rest(sent(address, "GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
    assert!(!broken.contains("\r\n0\r\n"), "{broken}");
}

#[tokio::test]
async fn heads_that_do_not_end_are_not_waited_for() {
    let head_timeout = Duration::from_millis(50);
    let house = house(HttpConfig { head_timeout, ..HttpConfig::default() }).await;
    let (address, _stop, _serving) = listening(&house, Duration::ZERO).await;
    assert_eq!(rest(sent(address, "").await).await, "");
    assert_eq!(rest(sent(address, "GET /streams HTTP/1.1\r\nHo").await).await, "");
}

#[tokio::test]
async fn what_runs_is_finished_before_the_end() {
    let house = house(HttpConfig::default()).await;
    let (address, stop, serving) = listening(&house, Duration::from_secs(60)).await;
    let stream = sent(address, "GET /waits HTTP/1.1\r\nHost: a\r\n\r\n").await;
    wait(&WAITING.begun).await;
    stop.send(()).unwrap();
    WAITING.may_go_on.add_permits(1);
    assert!(rest(stream).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(serving.await.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_takes_too_long_is_cut() {
    let house = house(HttpConfig::default()).await;
    let (address, stop, serving) = listening(&house, Duration::from_millis(20)).await;
    let _unfinished = sent(address, "GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answered = sent(address, "GET /streams HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(rest(answered).await.starts_with("HTTP/1.1 200 OK"));
    stop.send(()).unwrap();
    assert_eq!(serving.await.unwrap(), 1);
}
