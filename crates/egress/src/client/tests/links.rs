//! Connections: which are used again, which are not, and how an answer is put together.
use super::*;
use std::sync::mpsc;

/// A server that answers every question on every connection with the same bytes until it is told to close them, counts the
/// connections, and says when it closed one.
fn serve_on(answer: impl Into<Vec<u8>>, questions: usize) -> (u16, Arc<AtomicUsize>, mpsc::Receiver<()>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let (closed, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            for _ in 0..questions {
                request_head(&mut stream);
                let _ = stream.write_all(&answer);
            }
            drop(stream);
            let _ = closed.send(());
        }
    });
    (port, count, told)
}

fn staying(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn call(path: &str, within: Duration) -> Call {
    Call { method: Method::GET, path: path.into(), headers: HeaderMap::new(), body: Bytes::new(), within }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn connections_are_used_again() {
    let (port, count, _told) = serve_on(staying("{}"), 100);
    let egress = egress(&["127.0.0.1"]);
    let url = format!("http://127.0.0.1:{port}");
    let origin = egress.origin(&url).unwrap();
    for _ in 0..5 {
        assert_eq!(origin.ask(call("/a?b=c", LONG)).await.unwrap().body, "{}");
        egress.get_json(&format!("{url}/x")).await.unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_the_server_closed_is_not_asked() {
    let (port, count, told) = serve_on(staying("{}"), 1);
    let egress = egress(&["127.0.0.1"]);
    for n in 1..4 {
        egress.get_json(&format!("http://127.0.0.1:{port}/")).await.unwrap();
        told.recv_timeout(LONG).unwrap();
        // What happened to the socket is seen at the runtime's next look.
        tokio::task::yield_now().await;
        assert_eq!(count.load(Ordering::SeqCst), n);
    }
    let (port, count) = serve(ok("{}"));
    for _ in 0..3 {
        egress.get_json(&format!("http://127.0.0.1:{port}/")).await.unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 3, "it said that it closes them");
}

#[tokio::test]
async fn whoever_gives_up_leaves_no_half_asked_connection() {
    let (listener, egress) = (TcpListener::bind("127.0.0.1:0").unwrap(), egress(&["127.0.0.1"]));
    let origin = egress.origin(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let never = origin.ask(call("/", Duration::from_millis(20))).await.unwrap_err();
    assert_eq!(never, EgressError::Timeout);
    assert!(origin.place.take().is_none());
    let (mut stream, _) = listener.accept().unwrap();
    let mut left = Vec::new();
    stream.read_to_end(&mut left).unwrap();
    assert!(left.is_empty() || left.starts_with(b"GET / HTTP/1.1\r\n"), "and it is closed");
}

#[tokio::test]
async fn what_waited_too_long_is_closed() {
    let (port, count, told) = serve_on(staying("{}"), 2);
    let egress = egress(&["127.0.0.1"]);
    let origin = egress.origin(&format!("http://127.0.0.1:{port}")).unwrap();
    origin.ask(call("/", LONG)).await.unwrap();
    // Whoever closes it begins to wait.
    tokio::task::yield_now().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
    // It ends only when its client is gone.
    told.recv_timeout(LONG).unwrap();
    origin.ask(call("/", LONG)).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn answers_in_pieces_are_put_together() {
    let allow = AllowList::new(vec!["127.0.0.1".parse().unwrap()]);
    let egress = Egress::new(EgressConfig { allow, ..EgressConfig::default() });
    let long: String = (0..60_000).map(|n| format!("{n},")).collect();
    let chunks: String =
        long.as_bytes().chunks(7_001).map(|c| format!("{:x}\r\n{}\r\n", c.len(), str::from_utf8(c).unwrap())).collect();
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let until_the_end = format!("HTTP/1.1 200 OK\r\n\r\n{long}");
    for answer in [staying(&long), chunked, until_the_end] {
        let (port, count, _told) = serve_on(answer, 1);
        let answer = egress.request(Request::get(format!("http://127.0.0.1:{port}/"))).await.unwrap();
        assert!(answer.body == long.as_bytes());
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
    let (port, ..) = serve_on("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", 1);
    let error = egress.request(Request::get(format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(matches!(error, EgressError::Broken(_)), "{error}");
    let (port, ..) = serve_on("", 1);
    let error = egress.request(Request::get(format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(matches!(error, EgressError::Broken(_)), "{error}");
}

#[tokio::test]
async fn a_place_is_checked_as_a_url_is() {
    let egress = egress(&["a.example:8443"]);
    for bad in
        ["https://127.0.0.1", "http://x.example", "https://a.example", "ftp://a.example:8443", "https://u@x.example"]
    {
        assert_eq!(egress.origin(bad).unwrap_err(), egress.check(bad).unwrap_err(), "{bad}");
    }
    for more in ["https://x.example/a", "https://x.example?a", "https://x.example/#a"] {
        assert!(matches!(egress.origin(more), Err(EgressError::Url(_))), "{more}");
    }
    let origin = egress.origin("http://a.example:8443/").unwrap();
    for path in ["", "a", "@evil.example/", "/ b", "/\r\nx"] {
        assert!(matches!(origin.ask(call(path, LONG)).await, Err(EgressError::Url(_))), "{path:?}");
    }
}

#[tokio::test]
async fn names_of_places_are_checked_at_every_connection() {
    let egress = Egress::with_names(EgressConfig::default(), Arc::new(Turning(AtomicUsize::new(1))));
    let (port, count) = serve(ok("{}"));
    let origin = egress.origin(&format!("https://turning.example:{port}")).unwrap();
    let error = origin.ask(call("/", LONG)).await.unwrap_err();
    assert!(matches!(error, EgressError::Refused { .. }), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn the_other_end_is_looked_at_again() {
    let egress = egress(&["named.example", "10.0.0.1:8443"]);
    let opener = egress.hands.opener().unwrap();
    let looked = |host: &str, remote: &str| opener.recheck(host, Some(remote.parse().unwrap()));
    assert!(looked("x.example", "8.8.8.8:443").is_ok());
    assert!(looked("named.example", "127.0.0.1:443").is_ok());
    assert!(looked("10.0.0.1", "10.0.0.1:8443").is_ok());
    for (host, remote) in [("x.example", "127.0.0.1:443"), ("10.0.0.1", "10.0.0.1:443"), ("x.example", "[::1]:443")] {
        assert!(matches!(looked(host, remote), Err(EgressError::Refused { .. })), "{host} {remote}");
    }
    assert!(matches!(opener.recheck("x.example", None), Err(EgressError::Broken(_))));
}
