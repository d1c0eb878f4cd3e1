//! Debian's nginx, started from the configuration that is delivered, on ports of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to listen.
const START: Duration = Duration::from_secs(20);
/// A port that was free a moment ago may be taken by somebody else.
const TRIES: usize = 5;

/// An nginx that is ended with the test.
pub struct Nginx {
    child: Child,
    folder: tempfile::TempDir,
    /// Where its one server of `deploy/` listens.
    pub address: SocketAddr,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    /// Starts it with a file of `deploy/`, in which each left text is put in place of the right
    /// one; `PORT` and `FOLDER` stand for what is only known here.
    pub fn start(file: &str, changes: &[(&str, &str)]) -> Self {
        for _ in 0..TRIES {
            if let Some(nginx) = Self::try_start(file, changes) {
                return nginx;
            }
        }
        panic!("nginx finds no free port");
    }

    fn try_start(file: &str, changes: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shown = folder.path().display().to_string();
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(file);
        let mut text = std::fs::read_to_string(deploy).unwrap();
        for (delivered, here) in changes {
            assert!(text.contains(delivered), "{file} has no {delivered}");
            let here = here.replace("PORT", &port.to_string()).replace("FOLDER", &shown);
            text = text.replace(delivered, &here);
        }
        // One process, so that ending it ends everything.
        let main = format!(
            "daemon off; master_process off; pid {shown}/pid; events {{ }}\nhttp {{\n\
             client_body_temp_path {shown}/body; proxy_temp_path {shown}/proxy;\n\
             fastcgi_temp_path {shown}/fastcgi; uwsgi_temp_path {shown}/uwsgi;\n\
             scgi_temp_path {shown}/scgi;\n{text}\n}}\n"
        );
        let configuration = folder.path().join("nginx.conf");
        std::fs::write(&configuration, main).unwrap();
        let child = Command::new(program())
            .args(["-p", &shown, "-e", &format!("{shown}/start.log"), "-c"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed: scripts/setup.sh sees to it");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut nginx = Self { child, folder, address };
        let until = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            if nginx.child.try_wait().unwrap().is_some() {
                let log = nginx.text("start.log");
                assert!(log.contains("Address already in use"), "{log}");
                return None;
            }
            assert!(Instant::now() < until, "{}", nginx.text("start.log"));
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(nginx)
    }

    /// Reads a file in its folder.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Reads its access log once a line with all of these is there; it is written as requests end.
    pub fn logged(&self, name: &str, parts: &[&str]) -> String {
        let until = Instant::now() + START;
        loop {
            let log = self.text(name);
            if log.lines().any(|line| parts.iter().all(|part| line.contains(part))) {
                return log;
            }
            assert!(Instant::now() < until, "no line has {parts:?}:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Debian keeps it where only root looks.
fn program() -> &'static str {
    if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" }
}
