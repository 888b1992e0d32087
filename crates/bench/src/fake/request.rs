//! A request to AWS: whose service, which operation, in which region, and the parameters that matter.
//!
//! This room knows how requests look on the wire. It must never know what is answered.

/// Longest head.
const HEAD: usize = 32 << 10;

/// A request.
#[derive(Debug, Default)]
pub struct Request {
    /// `ec2`, as it is signed.
    pub service: String,
    /// The region that it is signed for.
    pub region: String,
    /// Of REST the path, with `?name` if the query is a sub-resource; of the others the operation.
    pub operation: String,
    /// Query and body.
    parameters: String,
    /// Whether it is answered in JSON.
    pub json: bool,
}

impl Request {
    /// The first request in these bytes, and how many bytes it takes; `None` until it is there.
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let window = &bytes[..bytes.len().min(HEAD)];
        let end = window.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
        let mut lines = head.split("\r\n");
        let target = lines.next().and_then(|first| first.split(' ').nth(1)).unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (mut request, mut length, mut named) = (Self::default(), 0, None);
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap_or(0);
            } else if name.eq_ignore_ascii_case("x-amz-target") {
                named = value.rsplit('.').next().map(str::to_owned);
            } else if name.eq_ignore_ascii_case("authorization") {
                let mut scope = value.split("Credential=").nth(1).unwrap_or_default().split('/').skip(2);
                request.region = scope.next().unwrap_or_default().to_owned();
                request.service = scope.next().unwrap_or_default().to_owned();
            }
        }
        let body = bytes.get(end..end + length)?;
        request.parameters = format!("{query}&{}", String::from_utf8_lossy(body));
        request.json = named.is_some();
        let action = request.after("Action=").map(str::to_owned);
        request.operation = named.or(action).unwrap_or_else(|| {
            request.json = !matches!(request.service.as_str(), "s3" | "route53" | "cloudfront");
            let sub = query.split('&').find(|part| !part.is_empty() && part.trim_end_matches('=').find('=').is_none());
            sub.map_or_else(|| path.to_owned(), |sub| format!("{path}?{}", sub.trim_end_matches('=')))
        });
        Some((request, end + length))
    }

    /// The value of a parameter, as it stands there.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        if self.parameters.starts_with("&{") {
            let (_, after) = self.parameters.split_once(&format!("\"{name}\":\""))?;
            return after.split('"').next();
        }
        self.after(&format!("{name}="))
    }

    fn after(&self, start: &str) -> Option<&str> {
        self.parameters.split('&').find_map(|part| part.strip_prefix(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(head: &str, body: &str) -> Option<Request> {
        let scope = "AWS4-HMAC-SHA256 Credential=AKID/20260304/eu-west-1/svc/aws4_request, SignedHeaders=host";
        let text = format!("{head}Authorization: {scope}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        assert!(Request::parse(&text.as_bytes()[..text.len() - 1]).is_none() || body.is_empty());
        let (request, length) = Request::parse(text.as_bytes())?;
        assert_eq!((length, request.region.as_str(), request.service.as_str()), (text.len(), "eu-west-1", "svc"));
        Some(request)
    }

    #[test]
    fn requests_are_read() {
        let query = parsed("POST / HTTP/1.1\r\n", "Action=ListX&Version=1&Marker=4");
        let query = query.map(|r| (r.operation.clone(), r.parameter("Marker").map(str::to_owned), r.json));
        assert_eq!(query, Some(("ListX".into(), Some("4".into()), false)));
        let json = parsed("POST / HTTP/1.1\r\nx-amz-target: A_1.ListY\r\n", "{\"NextToken\":\"5\"}");
        let json = json.map(|r| (r.operation.clone(), r.parameter("NextToken").map(str::to_owned), r.json));
        assert_eq!(json, Some(("ListY".into(), Some("5".into()), true)));
        let rest = parsed("GET /bucket?tagging HTTP/1.1\r\n", "");
        assert_eq!(rest.map(|r| r.operation), Some("/bucket?tagging".into()));
        let rest = parsed("GET /2015/x?MaxItems=5&Marker=2 HTTP/1.1\r\n", "");
        let rest = rest.map(|r| (r.operation.clone(), r.parameter("Marker").map(str::to_owned)));
        assert_eq!(rest, Some(("/2015/x".into(), Some("2".into()))));
    }
}
