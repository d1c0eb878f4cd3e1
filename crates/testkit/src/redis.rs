//! A private Redis for one test: the real binary on a free port of the loopback, gone at the end.
//!
//! As with [`postgres`](mod@crate::postgres), a small shell reads a pipe that only the test process
//! holds open and stops the server when it closes, however the process ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What the server prints when clients may come.
const READY: &str = "Ready to accept connections";
/// Ends the server (there is nothing to save) when the pipe on standard input closes.
const WATCHDOG: &str = r#""$@" & server=$!; read -r _; kill -KILL $server; wait $server"#;

/// A running server without any data; ended when dropped.
#[derive(Debug)]
pub struct TestRedis {
    port: u16,
    pair: Option<Pair>,
    watchdog: Option<Child>,
}

/// Files of a certificate for `localhost` and its key.
#[derive(Clone, Debug)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl TestRedis {
    /// Starts a server; it answers when this returns.
    ///
    /// # Panics
    /// If Redis is not installed (on Debian: `apt install redis-server`) or does not start.
    pub fn start() -> Self {
        Self::with(None)
    }

    /// Starts a server that speaks TLS alone, with these files.
    ///
    /// # Panics
    /// As [`TestRedis::start`].
    pub fn start_with_tls(certificate: PathBuf, key: PathBuf) -> Self {
        Self::with(Some(Pair { certificate, key }))
    }

    fn with(pair: Option<Pair>) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let watchdog = Some(spawn(port, pair.as_ref()));
        Self { port, pair, watchdog }
    }

    /// Returns the server's address.
    pub fn url(&self) -> String {
        match &self.pair {
            None => format!("redis://127.0.0.1:{}/", self.port),
            Some(_) => format!("rediss://localhost:{}/", self.port),
        }
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Empties it, as an operator may.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn flush(&self) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it is there");
        stream.write_all(b"FLUSHALL\r\n").expect("it listens");
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(&answer, b"+OK\r\n");
    }

    /// Ends the server with everything in it. It is over when this returns.
    pub fn stop(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            drop(watchdog.stdin.take());
            let ended = watchdog.wait();
            assert!(ended.is_ok() || std::thread::panicking(), "Redis was not ended: {ended:?}");
        }
    }

    /// Starts it again at the same address, empty.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        self.stop();
        self.watchdog = Some(spawn(self.port, self.pair.as_ref()));
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(port: u16, pair: Option<&Pair>) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHDOG, "watchdog", "redis-server", "--bind", "127.0.0.1"]);
    match pair {
        None => {
            command.args(["--port", &port.to_string()]);
        }
        Some(Pair { certificate, key }) => {
            command.args(["--port", "0", "--tls-port", &port.to_string()]);
            command.arg("--tls-cert-file").arg(certificate).arg("--tls-key-file").arg(key);
            command.arg("--tls-ca-cert-file").arg(certificate);
            command.args(["--tls-auth-clients", "no"]);
        }
    }
    command.args(["--save", "", "--appendonly", "no"]);
    command.args(["--dir", "/"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut watchdog = command.spawn().expect("there is a shell");
    let stdout = watchdog.stdout.take().expect("it is piped");
    let mut said = String::new();
    let mut lines = BufReader::new(stdout);
    while !said.lines().last().unwrap_or_default().contains(READY) {
        let length = lines.read_line(&mut said).expect("what Redis prints is text");
        assert!(length > 0, "Redis did not start (on Debian: apt install redis-server): {said}");
    }
    // What it prints from here on must not fill the pipe.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    watchdog
}
