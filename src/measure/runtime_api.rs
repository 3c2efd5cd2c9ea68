//! The Lambda Runtime API (2018-06-01), and what extensions need of the Extensions API (2020-01-01), on the loopback
//! interface at a free port.
//!
//! The server knows the protocol and nothing of memory: it turns requests into [`Call`]s for the engine, and waits with
//! `next` until the engine answers. Depends on `http`.

use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use super::http::{self, Answer, Request};

/// The largest response that the platform takes of a synchronous invocation (6 MB and a little), in bytes.
/// Source: the platform's own error message, "maximum allowed payload size (6291556 bytes)".
pub const MAX_RESPONSE: usize = 6_291_556;

/// What a runtime, or an extension, asks of the platform.
#[derive(Debug)]
pub enum Call {
    /// The runtime is ready for an event. Dropping the sender closes the connection.
    Next {
        /// When it asked.
        at: Instant,
        /// Takes the answer.
        reply: SyncSender<Answer>,
    },
    /// The handler's response.
    Response {
        /// The invocation.
        id: String,
        /// What it returned.
        body: Vec<u8>,
        /// Its media type.
        content_type: String,
    },
    /// The handler's response was refused; why, as the platform's type and message.
    Refused {
        /// The invocation.
        id: String,
        /// The platform's name of the error.
        kind: &'static str,
        /// What it says.
        message: String,
    },
    /// The handler raised.
    Error {
        /// The invocation.
        id: String,
        /// `{"errorType", "errorMessage", "stackTrace"}`.
        body: Vec<u8>,
        /// The type, where the header gives it.
        kind: Option<String>,
    },
    /// The initialisation failed.
    InitError {
        /// As of an error.
        body: Vec<u8>,
        /// The type, where the header gives it.
        kind: Option<String>,
    },
    /// An extension registered, under this name and for these events.
    Register {
        /// Its name.
        name: String,
    },
    /// An extension is ready for an event.
    ExtensionNext {
        /// Its name.
        name: String,
        /// Takes the answer.
        reply: SyncSender<Answer>,
    },
    /// An extension failed.
    ExtensionError {
        /// Its name.
        name: String,
        /// What it said.
        body: Vec<u8>,
    },
}

/// Takes calls; says whether anything still listens.
pub type Listener = Arc<dyn Fn(Call) -> bool + Send + Sync>;

/// The engine that calls go to now; none between two processes.
type Ear = Arc<Mutex<Option<Listener>>>;

/// The server. Dropping it ends its threads.
pub struct Server {
    address: SocketAddr,
    ear: Ear,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is no loopback interface, or no free port.
    pub fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ear: Ear = Arc::new(Mutex::new(None));
        let stopped = Arc::new(AtomicBool::new(false));
        let (for_thread, stop) = (Arc::clone(&ear), Arc::clone(&stopped));
        let thread = std::thread::Builder::new().name("runtime-api".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let ear = Arc::clone(&for_thread);
                // Without a thread to spare the connection is closed, which the other side sees.
                let _ = std::thread::Builder::new().name("runtime-api-connection".to_owned()).spawn(move || {
                    let _ = connection(stream, &ear);
                });
            }
        })?;
        Ok(Self { address, ear, stopped, thread: Some(thread) })
    }

    /// `127.0.0.1:PORT`: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Sends calls here from now on; with none they are answered with 403.
    pub fn listen(&self, to: Option<Listener>) {
        if let Ok(mut ear) = self.ear.lock() {
            *ear = to;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listen(None);
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread from `accept`.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn connection(stream: TcpStream, ear: &Ear) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = http::read_request(&mut reader)? {
        let answer = route(request, ear);
        let Some(answer) = answer else { return Ok(()) };
        http::write_answer(reader.get_mut(), &answer)?;
    }
    Ok(())
}

fn error(status: u16, kind: &str, message: &str) -> Answer {
    Answer::json(status, serde_json::json!({"errorType": kind, "errorMessage": message}).to_string())
}

fn accepted() -> Answer {
    Answer::json(202, "{\"status\":\"OK\"}\n")
}

/// Answers one request; none if the connection is to be closed without an answer.
fn route(request: Request, ear: &Ear) -> Option<Answer> {
    let at = Instant::now();
    let sender = ear.lock().ok().and_then(|ear| ear.clone());
    let Some(sender) = sender else { return Some(error(403, "State.Forbidden", "no invocation is going on")) };
    let send = |call: Call| sender(call);
    let kind = request.header("lambda-runtime-function-error-type").map(str::to_owned);
    let path = request.path.split('?').next().unwrap_or("").to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let extension = request.header("lambda-extension-identifier").map(str::to_owned);
    Some(match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => {
            let (reply, answer) = sync_channel(1);
            if !send(Call::Next { at, reply }) {
                return None;
            }
            return answer.recv().ok();
        }
        ("POST", ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            let id = (*id).to_owned();
            let content_type = request.header("content-type").unwrap_or("application/json").to_owned();
            let streaming = request
                .header("lambda-runtime-function-response-mode")
                .is_some_and(|mode| mode.eq_ignore_ascii_case("streaming"));
            if streaming {
                let message = "response streaming is not measured: return the response as a whole".to_owned();
                let kind = "Runtime.StreamingNotSupported";
                let answer = error(400, kind, &message);
                send(Call::Refused { id, kind, message });
                answer
            } else if request.body.len() > MAX_RESPONSE {
                let message =
                    format!("Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
                let kind = "Function.ResponseSizeTooLarge";
                let answer = error(413, kind, &message);
                send(Call::Refused { id, kind, message });
                answer
            } else {
                send(Call::Response { id, body: request.body, content_type });
                accepted()
            }
        }
        ("POST", ["2018-06-01", "runtime", "invocation", id, "error"]) => {
            send(Call::Error { id: (*id).to_owned(), body: request.body, kind });
            accepted()
        }
        ("POST", ["2018-06-01", "runtime", "init", "error"]) => {
            send(Call::InitError { body: request.body, kind });
            accepted()
        }
        ("POST", ["2020-01-01", "extension", "register"]) => {
            let name = request.header("lambda-extension-name").unwrap_or("extension").to_owned();
            send(Call::Register { name: name.clone() });
            let mut answer = Answer::json(
                200,
                "{\"functionName\":\"function\",\"functionVersion\":\"$LATEST\",\"handler\":\"handler\"}",
            );
            answer.headers.push(("Lambda-Extension-Identifier".to_owned(), name));
            answer
        }
        ("GET", ["2020-01-01", "extension", "event", "next"]) => {
            let (reply, answer) = sync_channel(1);
            if !send(Call::ExtensionNext { name: extension.unwrap_or_default(), reply }) {
                return None;
            }
            return answer.recv().ok();
        }
        ("POST", ["2020-01-01", "extension", "init" | "exit", "error"]) => {
            send(Call::ExtensionError { name: extension.unwrap_or_default(), body: request.body });
            accepted()
        }
        _ => error(404, "InvalidPath", "the Runtime API has no such path"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::sync::mpsc::channel;

    fn ask(server: &Server, text: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).expect("it works");
        stream.write_all(text.as_bytes()).expect("it works");
        stream.shutdown(std::net::Shutdown::Write).expect("it works");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it works");
        answer
    }

    #[test]
    fn it_listens_on_loopback_only() {
        let server = Server::start().expect("it works");
        assert!(server.address().starts_with("127.0.0.1:"));
    }

    #[test]
    fn next_waits_for_the_engine_and_responses_reach_it() {
        let server = Server::start().expect("it works");
        let (sender, calls) = channel();
        server.listen(Some(Arc::new(move |call| sender.send(call).is_ok())));
        let engine = std::thread::spawn(move || {
            let Ok(Call::Next { reply, .. }) = calls.recv() else { panic!("no next") };
            reply.send(Answer::json(200, "{\"n\": 1}")).expect("it works");
            let Ok(Call::Response { id, body, .. }) = calls.recv() else { panic!("no response") };
            assert_eq!((id.as_str(), body.as_slice()), ("abc", &b"42"[..]));
            let Ok(Call::Refused { kind, .. }) = calls.recv() else { panic!("not refused") };
            assert_eq!(kind, "Runtime.StreamingNotSupported");
            let Ok(Call::Error { kind, .. }) = calls.recv() else { panic!("no error") };
            assert_eq!(kind.as_deref(), Some("ValueError"));
        });
        assert!(ask(&server, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n").ends_with("{\"n\": 1}"));
        let post = |path: &str, header: &str, body: &str| {
            let length = body.len();
            format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\n{header}Content-Length: {length}\r\n\r\n{body}")
        };
        assert!(ask(&server, &post("invocation/abc/response", "", "42")).starts_with("HTTP/1.1 202"));
        let streaming = "Lambda-Runtime-Function-Response-Mode: streaming\r\n";
        assert!(ask(&server, &post("invocation/abc/response", streaming, "42")).starts_with("HTTP/1.1 400"));
        let kind = "Lambda-Runtime-Function-Error-Type: ValueError\r\n";
        assert!(ask(&server, &post("invocation/abc/error", kind, "{}")).starts_with("HTTP/1.1 202"));
        engine.join().expect("it works");
    }

    #[test]
    fn unknown_paths_and_no_engine() {
        let server = Server::start().expect("it works");
        assert!(ask(&server, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 403"));
        let (sender, _calls) = channel();
        server.listen(Some(Arc::new(move |call| sender.send(call).is_ok())));
        assert!(ask(&server, "GET /latest/meta-data HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    }
}
