//! A Redis server of a test's own, on a free port, with a folder of its own.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server, which is killed when it is dropped.
pub(crate) struct Redis {
    process: Option<Child>,
    port: u16,
    folder: PathBuf,
    options: Vec<String>,
}

static SAID: Once = Once::new();

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Redis {
    /// Starts a server, or says that there is none and returns None.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            // Not captured, as what is printed would be.
            SAID.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: the tests on Redis, because there is no redis-server"
                );
            });
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("deltawire-relay-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut redis = Self { process: None, port, folder, options };
        redis.run();
        Some(redis)
    }

    /// Starts the process, and waits until it answers.
    pub(crate) fn run(&mut self) {
        let port = self.port.to_string();
        let process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&self.folder)
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let began = Instant::now();
        while !self.answers() {
            assert!(began.elapsed() < Duration::from_secs(20), "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn answers(&self) -> bool {
        use std::io::Read as _;
        let Ok(mut socket) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else {
            return false;
        };
        let mut answer = [0; 5];
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        // While it loads its file, it answers with an error.
        socket.write_all(b"PING\r\n").is_ok()
            && socket.read_exact(&mut answer).is_ok()
            && &answer == b"+PONG"
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Returns the process's number.
    #[allow(dead_code, reason = "one of the tests needs it")]
    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// Stops the process for some time. What it was sent, it carries out after that.
    #[allow(dead_code, reason = "one of the tests needs it")]
    pub(crate) fn freeze(&self, time: Duration) {
        let id = self.id().to_string();
        for signal in ["-STOP", "-CONT"] {
            assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
            if signal == "-STOP" {
                std::thread::sleep(time);
            }
        }
    }

    /// Cuts its append-only file in half, as if the rest had never been synced.
    #[allow(dead_code, reason = "one of the tests needs it")]
    pub(crate) fn cut_file(&self) {
        let files = std::fs::read_dir(self.folder.join("appendonlydir")).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        let file = files.find(|file| file.to_string_lossy().ends_with(".incr.aof")).unwrap();
        let len = std::fs::metadata(&file).unwrap().len();
        std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(len / 2).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
