//! The recorded answers: which there are, and how a page is made of them.
//!
//! An entry begins with `=== KIND SERVICE OPERATION …`. A `list` has how many there are in each region (`global:n`: in all, or
//! below each parent; `all:n`: the same in every region) and the parameter that brings the next page; its four parts, between
//! lines of `---`, are what stands before, the item, the continuation, what stands after. A `read` has the parameter that names
//! the resource; `missing` and `refused` are reads that answer 404 and 400. Of REST the operation is a path, where `*` is any
//! segment. What stands in `%{…}` is filled in: `n` the number of the item, `h` the same as 17 hexadecimal digits with the
//! region, `u` as 12, both also `n/7` or `n%7`; `region`, `region-n` (the n-th one), `last` (the end of what names the
//! resource), `next` (the next page; what holds it is left out on the last one), `truncated`, `more`, `odd`, `call` (different
//! each time) and `digit` (its last digit).
//!
//! This room knows the recorded texts. It must never know sockets.

use super::{REGIONS, request::Request};
use crate::Result;
use std::{collections::HashMap, fmt::Write as _};

/// Items in a page.
const PAGE: u64 = 100;
/// The number of the place that is no region.
const NOWHERE: usize = REGIONS.len();

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A page of a list.
    Page,
    /// One resource's.
    Read,
    /// There is nothing.
    Nothing,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its content type.
    pub kind: &'static str,
    /// What it is.
    pub what: What,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Count {
    Region(u64),
    Global(u64),
    All(u64),
}

#[derive(Debug)]
enum Entry {
    List { count: Count, token: String, head: Text, item: Text, more: Text, tail: Text },
    Read { status: u16, parameter: String, body: Text },
}

/// All of them, by service; of each the operation and the entry.
#[derive(Debug)]
pub struct Book(HashMap<String, Vec<(String, Entry)>>);

/// A text with holes.
#[derive(Debug)]
struct Text(Vec<Part>);

#[derive(Debug)]
enum Part {
    Plain(String),
    Hole(Hole, Step),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hole {
    Number,
    Hex,
    Short,
    Region,
    RegionOf,
    Last,
    Next,
    Truncated,
    More,
    Odd,
    Call,
    Digit,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Whole,
    By(u64),
    Of(u64),
}

/// What the holes are filled with.
#[derive(Debug, Clone, Copy, Default)]
struct Filling<'a> {
    n: u64,
    region: usize,
    last: &'a str,
    next: Option<u64>,
    more: &'a str,
    call: u64,
}

impl Book {
    /// The recorded one.
    ///
    /// # Errors
    /// Where its text is wrong.
    pub fn recorded() -> Result<Self> {
        Self::read(include_str!("../../data/aws.txt"))
    }

    fn read(text: &str) -> Result<Self> {
        let mut book: HashMap<String, Vec<(String, Entry)>> = HashMap::new();
        for entry in text.split("\n=== ").skip(1) {
            let (first, body) = entry.split_once('\n').unwrap_or((entry, ""));
            let words: Vec<&str> = first.split(' ').collect();
            let [kind, service, operation, third, ..] = words[..] else { return Err(format!("\"{first}\"")) };
            let entry = match kind {
                "list" => list(third, words.get(4).copied().unwrap_or_default(), body),
                "read" => reading(200, third, body),
                "missing" => reading(404, third, body),
                "refused" => reading(400, third, body),
                _ => Err("an entry of an unknown kind".into()),
            };
            let entry = entry.map_err(|why| format!("{first}: {why}"))?;
            book.entry(service.to_owned()).or_default().push((operation.to_owned(), entry));
        }
        Ok(Self(book))
    }

    /// How many resources there are; what is recorded to be below parents is counted for each of them.
    pub fn resources(&self) -> u64 {
        let mut all = 0;
        for (operation, entry) in self.0.values().flatten() {
            let Entry::List { count, .. } = entry else { continue };
            let parents = if operation.contains('*') { self.zones() } else { 1 };
            all += match count {
                Count::Region(n) => n * REGIONS.len() as u64,
                Count::Global(n) | Count::All(n) => n * parents,
            };
        }
        // Two policies are attached to each role: the one list below a parent that is recorded as a read.
        all + 2 * self.of("iam", "ListRoles")
    }

    fn zones(&self) -> u64 {
        self.of("route53", "/2013-04-01/hostedzone")
    }

    fn of(&self, service: &str, wanted: &str) -> u64 {
        let found = self.0.get(service).into_iter().flatten().find(|(operation, _)| operation == wanted);
        match found {
            Some((_, Entry::List { count: Count::Region(n) | Count::Global(n) | Count::All(n), .. })) => *n,
            _ => 0,
        }
    }

    /// What is answered. `call` is the number of the call.
    pub fn answer(&self, request: &Request, call: u64, empty: bool) -> Answer {
        let entries = self.0.get(&request.service).map(Vec::as_slice).unwrap_or_default();
        let found =
            entries.iter().find_map(|(operation, entry)| Some((matched(operation, &request.operation)?, entry)));
        let region = REGIONS.iter().position(|region| *region == request.region).unwrap_or(0);
        let kind = if request.json { "application/x-amz-json-1.1" } else { "text/xml" };
        let mut body = String::new();
        let (status, what) = match found {
            Some((_, Entry::List { .. })) if empty => {
                nothing(request, &mut body);
                (200, What::Nothing)
            }
            Some((wild, Entry::List { count, token, head, item, more, tail })) => {
                let (count, region) = match count {
                    Count::Region(n) => (*n, region),
                    Count::Global(n) => (*n, NOWHERE),
                    Count::All(n) => (*n, region),
                };
                let page: u64 = request.parameter(token).and_then(|page| page.parse().ok()).unwrap_or(0);
                let next = ((page + 1) * PAGE < count).then_some(page + 1);
                let filling = Filling { n: 0, region, last: wild, next, more: "", call };
                head.fill(&filling, &mut body);
                for n in page * PAGE..count.min((page + 1) * PAGE) {
                    if n % PAGE > 0 && request.json {
                        body.push(',');
                    }
                    item.fill(&Filling { n, ..filling }, &mut body);
                }
                let mut continued = String::new();
                more.fill(&filling, &mut continued);
                let more = if next.is_some() { continued.as_str() } else { "" };
                tail.fill(&Filling { more, ..filling }, &mut body);
                (200, What::Page)
            }
            Some((wild, Entry::Read { status, parameter, body: text })) => {
                let last = request.parameter(parameter).unwrap_or(wild).rsplit(['/', ':']).next().unwrap_or_default();
                let filling = Filling { region, last, call, ..Filling::default() };
                text.fill(&filling, &mut body);
                (*status, What::Read)
            }
            None => {
                nothing(request, &mut body);
                (200, What::Nothing)
            }
        };
        Answer { status, kind, what, body: body.into_bytes() }
    }
}

/// The answer of an operation that finds nothing.
fn nothing(request: &Request, out: &mut String) {
    if request.json {
        out.push_str("{}");
    } else if request.operation.starts_with('/') {
        out.push_str("<Nothing xmlns=\"urn:nothing\"/>");
    } else {
        let operation = &request.operation;
        let _ = write!(
            out,
            "<{operation}Response xmlns=\"urn:nothing\"><{operation}Result/><requestId>0a1b2c3d</requestId></{operation}Response>"
        );
    }
}

/// What stands where the pattern has a star, if it fits; `""` if it has none.
fn matched<'r>(pattern: &str, operation: &'r str) -> Option<&'r str> {
    let Some((before, after)) = pattern.split_once('*') else { return (pattern == operation).then_some("") };
    let wild = operation.strip_prefix(before)?.strip_suffix(after)?;
    (!wild.is_empty() && (!wild.contains('/') || after.is_empty())).then_some(wild)
}

fn list(count: &str, token: &str, body: &str) -> Result<Entry> {
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
    let count = match count.split_once(':') {
        Some(("global", n)) => Count::Global(number(n)?),
        Some(("all", n)) => Count::All(number(n)?),
        _ => Count::Region(number(count)?),
    };
    let parts: Vec<&str> = body.split("\n---\n").collect();
    let [head, item, more, tail] = parts[..] else { return Err(format!("{} parts", parts.len())) };
    let token = token.to_owned();
    let text = |text: &str| Text::parse(text.trim_end());
    Ok(Entry::List { count, token, head: text(head)?, item: text(item)?, more: text(more)?, tail: text(tail)? })
}

fn reading(status: u16, parameter: &str, body: &str) -> Result<Entry> {
    Ok(Entry::Read { status, parameter: parameter.to_owned(), body: Text::parse(body.trim_end())? })
}

impl Text {
    fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let (hole, after) = after.split_once('}').ok_or("a } is missing")?;
            parts.push(Part::Plain(before.to_owned()));
            parts.push(self::hole(hole)?);
            rest = after;
        }
        parts.push(Part::Plain(rest.to_owned()));
        Ok(Self(parts))
    }

    fn fill(&self, with: &Filling<'_>, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Hole(hole, step) => with.write(*hole, *step, out),
            }
        }
    }
}

fn hole(text: &str) -> Result<Part> {
    let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n > 0).ok_or_else(|| format!("%{{{text}}}"));
    let (name, step) = match (text.split_once('/'), text.split_once('%')) {
        (Some((name, by)), _) => (name, Step::By(number(by)?)),
        (_, Some((name, of))) => (name, Step::Of(number(of)?)),
        _ => (text, Step::Whole),
    };
    let hole = match name {
        "n" => Hole::Number,
        "h" => Hole::Hex,
        "u" => Hole::Short,
        "region" => Hole::Region,
        "region-n" => Hole::RegionOf,
        "last" => Hole::Last,
        "next" => Hole::Next,
        "truncated" => Hole::Truncated,
        "more" => Hole::More,
        "odd" => Hole::Odd,
        "call" => Hole::Call,
        "digit" => Hole::Digit,
        _ => return Err(format!("%{{{text}}} is unknown")),
    };
    Ok(Part::Hole(hole, step))
}

impl Filling<'_> {
    fn write(&self, hole: Hole, step: Step, out: &mut String) {
        let n = match step {
            Step::Whole => self.n,
            Step::By(by) => self.n / by,
            Step::Of(of) => self.n % of,
        };
        let region = self.region;
        // Writing into a text cannot fail.
        let _ = match hole {
            Hole::Number => write!(out, "{n}"),
            Hole::Hex => write!(out, "{region:03x}{n:014x}"),
            Hole::Short => write!(out, "{region:04x}{n:08x}"),
            Hole::Region => out.write_str(REGIONS.get(region).copied().unwrap_or("us-east-1")),
            Hole::RegionOf => out.write_str(REGIONS[usize::try_from(n).unwrap_or(0) % REGIONS.len()]),
            Hole::Last => out.write_str(self.last),
            Hole::Next => self.next.map_or(Ok(()), |next| write!(out, "{next}")),
            Hole::Truncated => write!(out, "{}", self.next.is_some()),
            Hole::More => out.write_str(self.more),
            Hole::Odd => write!(out, "{}", n % 2 == 1),
            Hole::Call => write!(out, "{}", self.call),
            Hole::Digit => write!(out, "{}", self.call % 9 + 1),
        };
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn ask(text: &str) -> (Answer, String) {
        let (request, _) = Request::parse(text.as_bytes()).unwrap();
        let answer = Book::recorded().unwrap().answer(&request, 7, false);
        let body = String::from_utf8(answer.body.clone()).unwrap();
        (answer, body)
    }

    fn signed(service: &str, first: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "{first} HTTP/1.1\r\nauthorization: AWS4-HMAC-SHA256 Credential=A/20260304/eu-west-1/{service}/aws4_request\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    #[test]
    fn a_hundred_thousand_resources() {
        assert_eq!(Book::recorded().unwrap().resources(), 100_000);
    }

    #[test]
    fn pages_follow_each_other() {
        let (first, body) = ask(&signed("ec2", "POST /", "Action=DescribeVolumes"));
        assert_eq!((first.status, first.what, body.matches("<size>").count()), (200, What::Page, 100));
        assert!(body.contains("<nextToken>1</nextToken>"));
        let (_, last) = ask(&signed("ec2", "POST /", "Action=DescribeVolumes&NextToken=4"));
        assert!(last.contains("<nextToken></nextToken>") && last.contains("vol-009000000000001f3<"), "{last}");
        let (_, json) = ask(&signed("lambda", "GET /2015-03-31/event-source-mappings?Marker=1", ""));
        assert_eq!(json.matches("BatchSize").count(), 100);
        assert!(json.ends_with(']') || json.ends_with('}'));
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn reads_are_of_what_was_asked_for() {
        let (answer, body) = ask(&signed("s3", "GET /assets-4?policy", ""));
        assert_eq!((answer.status, answer.what), (200, What::Read));
        assert!(body.contains("arn:aws:s3:::assets-4/*"));
        assert_eq!(ask(&signed("s3", "GET /assets-4?cors", "")).0.status, 404);
        let (_, body) = ask(&signed("iam", "POST /", "Action=GetRole&RoleName=app-3"));
        assert!(body.contains("<RoleName>app-3</RoleName>"));
        let (answer, body) = ask(&signed("ec2", "POST /", "Action=DescribeHosts"));
        assert_eq!(answer.what, What::Nothing);
        assert!(body.starts_with("<DescribeHostsResponse"));
    }
}
