//! As much of HTTP/1.1 as a server on the loopback interface needs: requests in, answers out, connections kept alive.
//!
//! Written by hand so that a request costs no more than a read and a write. Bounded: heads to 64 KiB, bodies to 64 MiB.
//! Depends on nothing of the crate.

use std::io::{self, BufRead, BufReader, Read, Write};

/// Longest head of a request, in bytes.
const MAX_HEAD: u64 = 64 * 1024;

/// Longest body, in bytes: ten times what the platform accepts.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// Names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers, besides length and connection.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer with a JSON text.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.into().into_bytes() }
    }
}

fn bad(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}

/// A line of the head, without its end. `None` at the end of the stream.
fn line(reader: &mut impl BufRead, left: &mut u64) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = reader.by_ref().take(*left).read_until(b'\n', &mut bytes)?;
    *left = left.saturating_sub(read as u64);
    if read == 0 {
        return if *left == 0 { Err(bad("the head is too long")) } else { Ok(None) };
    }
    if bytes.pop() != Some(b'\n') {
        return Err(bad("a line of the head does not end"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The next request of a connection; `None` when the other side closed it.
///
/// # Errors
/// What was sent is not HTTP, is larger than the bounds, or the connection broke.
pub fn read_request<S: Read + Write>(reader: &mut BufReader<S>) -> io::Result<Option<Request>> {
    let mut left = MAX_HEAD;
    let Some(first) = line(reader, &mut left)? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Err(bad("no request line")) };
    let mut request = Request { method: method.to_owned(), path: path.to_owned(), ..Request::default() };
    loop {
        match line(reader, &mut left)? {
            None => return Err(bad("the head does not end")),
            Some(text) if text.is_empty() => break,
            Some(text) => {
                let (name, value) = text.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
                request.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let is_chunked = request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    request.body = if is_chunked {
        chunks(reader)?
    } else {
        let length = request.header("content-length").map_or(Ok(0), str::parse::<usize>);
        exactly(reader, length.map_err(|_| bad("a length that is no number"))?)?
    };
    Ok(Some(request))
}

fn exactly(reader: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(bad("the body is too long"));
    }
    let mut body = Vec::new();
    reader.by_ref().take(length as u64).read_to_end(&mut body)?;
    if body.len() < length { Err(bad("the body does not end")) } else { Ok(body) }
}

fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut left = MAX_HEAD;
        let size = line(reader, &mut left)?.ok_or_else(|| bad("the body does not end"))?;
        let digits = size.split(';').next().unwrap_or("").trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| bad("a chunk without a size"))?;
        if body.len().saturating_add(size) > MAX_BODY {
            return Err(bad("the body is too long"));
        }
        if size == 0 {
            // Trailers, of no interest, up to an empty line.
            while line(reader, &mut left)?.is_some_and(|text| !text.is_empty()) {}
            return Ok(body);
        }
        body.extend(exactly(reader, size)?);
        line(reader, &mut left)?;
    }
}

/// Writes an answer.
///
/// # Errors
/// The connection broke.
pub fn write_answer(writer: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let reason = match answer.status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Payload Too Large",
        _ => "Status",
    };
    let mut head = format!("HTTP/1.1 {} {reason}\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        // A line end in a value would be a header of its own.
        let value: String = value.chars().filter(|c| *c != '\r' && *c != '\n').collect();
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut whole = head.into_bytes();
    whole.extend_from_slice(&answer.body);
    writer.write_all(&whole)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(text: &str) -> io::Result<Option<Request>> {
        read_request(&mut BufReader::new(Cursor::new(text.as_bytes().to_vec())))
    }

    #[test]
    fn requests_with_every_kind_of_body() {
        let request =
            read("POST /a/b HTTP/1.1\r\nX-Y: z: 1\r\nContent-Length: 2\r\n\r\nhi").expect("HTTP").expect("a request");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a/b"));
        assert_eq!((request.header("x-y"), request.body.as_slice()), (Some("z: 1"), &b"hi"[..]));
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\nT: r\r\n\r\n";
        assert_eq!(read(chunked).expect("HTTP").expect("a request").body, b"hi!");
        assert_eq!(read("GET / HTTP/1.1\r\n\r\n").expect("HTTP").expect("a request").body, b"");
        assert_eq!(read("").expect("the end"), None);
    }

    #[test]
    fn what_is_not_http_is_an_error_and_never_a_panic() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
        for text in [
            "\r\n",
            "GET",
            "GET /\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhi",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            &long,
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_answer_cannot_be_split_by_its_headers() {
        let mut out = Vec::new();
        let mut answer = Answer::json(202, "{}");
        answer.headers.push(("X".to_owned(), "a\r\nSet-Cookie: b".to_owned()));
        write_answer(&mut out, &answer).expect("it works");
        let text = String::from_utf8(out).expect("it works");
        assert!(text.starts_with("HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n"));
        assert!(!text.contains("\r\nSet-Cookie") && text.ends_with("\r\n\r\n{}"));
    }
}
