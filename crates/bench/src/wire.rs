//! A small HTTP/1.1 client on one connection that stays open: it costs little, so that a measurement on few cores shows the
//! server and not the client.
//!
//! This room knows as much of HTTP as the server under measurement speaks. It must never know what is measured.

use crate::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Bytes taken from the socket at once.
const READ: usize = 64 << 10;
/// Longest head of an answer.
const HEAD: usize = 32 << 10;

/// A connection with one token.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    common: String,
    request: String,
    /// Taken from the socket, not yet used.
    buffer: Vec<u8>,
    /// The body of the last answer.
    pub body: Vec<u8>,
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Download {
    /// The status.
    pub status: u16,
    framing: Framing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// So many bytes are left.
    Length(usize),
    /// The next chunk's size follows.
    Chunked,
    /// So many bytes of this chunk are left.
    Chunk(usize),
    Done,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// In words.
    pub async fn open(url: &str, token: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").unwrap_or(url);
        let stream = TcpStream::connect(host).await.map_err(|e| format!("{url}: {e}"))?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let common = format!("Host: {host}\r\nAuthorization: token {token}\r\nAccept: application/vnd.pulumi+8\r\n");
        Ok(Self { stream, common, request: String::new(), buffer: Vec::with_capacity(READ), body: Vec::new() })
    }

    /// GET; the body is then in [`Connection::body`].
    ///
    /// # Errors
    /// In words: the connection broke, or the status is no success.
    pub async fn get(&mut self, path: &str) -> Result<()> {
        self.send("GET", path, "").await
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// As [`Connection::get`].
    pub async fn post(&mut self, path: &str, body: &str) -> Result<()> {
        self.send("POST", path, body).await
    }

    /// Any method.
    ///
    /// # Errors
    /// As [`Connection::get`].
    pub async fn send(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        let mut download = self.begin(method, path, body).await?;
        let mut whole = std::mem::take(&mut self.body);
        whole.clear();
        while self.more(&mut download, &mut whole).await? {}
        self.body = whole;
        if (200..300).contains(&download.status) {
            return Ok(());
        }
        Err(format!("{method} {path} answered {}: {}", download.status, String::from_utf8_lossy(&self.body)))
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// The connection broke, or what came is no HTTP.
    pub async fn begin(&mut self, method: &str, path: &str, body: &str) -> Result<Download> {
        use std::fmt::Write as _;
        let failed = |e: std::io::Error| format!("{method} {path}: {e}");
        self.request.clear();
        let _ = write!(self.request, "{method} {path} HTTP/1.1\r\n{}", self.common);
        if method != "GET" {
            let _ = write!(self.request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        let _ = write!(self.request, "\r\n{body}");
        self.stream.write_all(self.request.as_bytes()).await.map_err(failed)?;
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            if self.buffer.len() > HEAD || self.stream.read_buf(&mut self.buffer).await.map_err(failed)? == 0 {
                return Err(format!("{method} {path}: no answer"));
            }
        };
        let download =
            head(&self.buffer[..end]).ok_or_else(|| format!("{method} {path}: the answer is no HTTP/1.1"))?;
        self.buffer.drain(..end);
        Ok(download)
    }

    /// Appends the next piece of the body; false at its end.
    ///
    /// # Errors
    /// The connection broke, or what came is no HTTP.
    pub async fn more(&mut self, download: &mut Download, out: &mut Vec<u8>) -> Result<bool> {
        loop {
            let framing = download.framing;
            match framing {
                Framing::Done | Framing::Length(0) => return Ok(false),
                Framing::Length(left) | Framing::Chunk(left) if !self.buffer.is_empty() && left > 0 => {
                    let taken = self.buffer.len().min(left);
                    out.extend_from_slice(&self.buffer[..taken]);
                    self.buffer.drain(..taken);
                    let left = left - taken;
                    let chunked = matches!(framing, Framing::Chunk(_));
                    download.framing = if chunked { Framing::Chunk(left) } else { Framing::Length(left) };
                    return Ok(true);
                }
                Framing::Chunk(0) if self.buffer.len() >= 2 => {
                    self.buffer.drain(..2);
                    download.framing = Framing::Chunked;
                }
                Framing::Chunked if self.chunk(download)? => {}
                _ => {
                    self.buffer.reserve(READ);
                    let read = self.stream.read_buf(&mut self.buffer).await.map_err(|e| format!("body: {e}"))?;
                    if read == 0 {
                        return Err("the connection ended within a body".into());
                    }
                }
            }
        }
    }

    /// Reads the size of the next chunk, if it has come.
    fn chunk(&mut self, download: &mut Download) -> Result<bool> {
        let Some(end) = self.buffer.windows(2).position(|w| w == b"\r\n") else { return Ok(false) };
        let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let size = usize::from_str_radix(text.trim(), 16).map_err(|e| format!("chunk size {text:?}: {e}"))?;
        if size > 0 {
            self.buffer.drain(..end + 2);
            download.framing = Framing::Chunk(size);
            return Ok(true);
        }
        // The last chunk; the server sends no trailers.
        if self.buffer.len() < end + 4 {
            return Ok(false);
        }
        self.buffer.drain(..end + 4);
        download.framing = Framing::Done;
        Ok(true)
    }
}

/// Status and framing from the head of an answer.
fn head(bytes: &[u8]) -> Option<Download> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let status: u16 = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let mut framing = Framing::Length(0);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            framing = Framing::Length(value.trim().parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::Chunked;
        }
    }
    Some(Download { status, framing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let download = |text: &str| head(text.as_bytes()).map(|d| (d.status, d.framing));
        assert_eq!(download("HTTP/1.1 204 No Content\r\n\r\n"), Some((204, Framing::Length(0))));
        assert_eq!(download("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"), Some((200, Framing::Length(17))));
        assert_eq!(download("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), Some((200, Framing::Chunked)));
        assert_eq!(download("nonsense\r\n\r\n"), None);
    }
}
