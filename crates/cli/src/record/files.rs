//! The folder that exchanges are recorded to, one file each.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use deltawire_replay::{End, Read};

use super::{ExchangeHead, How, Sink};
use crate::Error;
use crate::screen::complain;

/// The extension of a file whose stream has not ended.
const PART: &str = "part";

/// A sink that writes each exchange to a file of its own.
///
/// A thread does the writing, so that a slow disk delays no stream. A file whose stream has not
/// ended has the extension `part`. Dropping the sink writes what is left.
pub struct Files {
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

/// A function that is called with each finished file.
pub type Report = Box<dyn Fn(&Written<'_>) + Send>;

/// A file that is whole.
#[derive(Debug)]
#[non_exhaustive]
pub struct Written<'a> {
    /// The file.
    pub path: &'a Path,
    /// The request and the head of the answer.
    pub head: &'a ExchangeHead,
    /// The number of reads.
    pub reads: u64,
    /// The number of bytes of the body.
    pub bytes: u64,
    /// The time from the request to the end.
    pub at: Duration,
    /// The end.
    pub how: &'a How,
}

enum Job {
    Begin(u64, Box<ExchangeHead>),
    Read(u64, Read),
    End(u64, Duration, How),
}

impl Files {
    /// Makes the folder if there is none, and begins to write to it.
    ///
    /// # Errors
    /// If the folder cannot be made or read, or there is no thread.
    pub fn new(folder: &Path, report: Report) -> Result<Self, Error> {
        let problem = |error| format!("cannot record to {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(problem)?;
        let last = last_number(folder).map_err(problem)?;
        let (jobs, todo) = mpsc::channel();
        let writer = Writer { folder: folder.to_owned(), last, open: HashMap::new(), report };
        let writer = thread::Builder::new()
            .name("record-files".into())
            .spawn(move || writer.write(&todo))?;
        Ok(Self { jobs: Some(jobs), writer: Some(writer) })
    }

    fn hand_over(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The writer ends only after this sender.
            let _ = jobs.send(job);
        }
    }
}

impl Sink for Files {
    fn begin(&self, id: u64, head: &ExchangeHead) {
        self.hand_over(Job::Begin(id, Box::new(head.clone())));
    }

    fn read(&self, id: u64, at: Duration, bytes: &[u8]) {
        self.hand_over(Job::Read(id, Read::new(at, bytes)));
    }

    fn end(&self, id: u64, at: Duration, how: &How) {
        self.hand_over(Job::End(id, at, how.clone()));
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.jobs = None;
        // A writer that panicked has said so.
        self.writer.take().into_iter().for_each(|writer| drop(writer.join()));
    }
}

struct Writer {
    folder: PathBuf,
    /// The number of the last file.
    last: u64,
    open: HashMap<u64, Open>,
    report: Report,
}

/// A file that is being written.
struct Open {
    file: File,
    part: PathBuf,
    path: PathBuf,
    head: Box<ExchangeHead>,
    reads: u64,
    bytes: u64,
}

impl Writer {
    fn write(mut self, todo: &Receiver<Job>) {
        for job in todo {
            let (Job::Begin(id, _) | Job::Read(id, _) | Job::End(id, ..)) = &job;
            let id = *id;
            if let Err(error) = self.take(job) {
                let path = self.open.remove(&id).map_or(self.folder.clone(), |open| open.part);
                let problem = format!("cannot write {}: {error}", path.display());
                complain("record", &*Error::from(problem));
            }
        }
    }

    fn take(&mut self, job: Job) -> io::Result<()> {
        match job {
            Job::Begin(id, head) => {
                let open = self.create(head)?;
                self.open.insert(id, open);
            }
            Job::Read(id, read) => {
                let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
                open.file.write_all(read.to_jsonl().as_bytes())?;
                open.reads += 1;
                open.bytes += read.bytes.len() as u64;
            }
            Job::End(id, at, how) => {
                let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
                open.file.write_all(End::new(at, how.ending()).to_jsonl().as_bytes())?;
                fs::rename(&open.part, &open.path)?;
                if let Some(Open { path, head, reads, bytes, .. }) = self.open.remove(&id) {
                    let (path, head, how) = (&*path, &*head, &how);
                    (self.report)(&Written { path, head, reads, bytes, at, how });
                }
            }
        }
        Ok(())
    }

    /// Creates the next file, and writes its first line.
    fn create(&mut self, head: Box<ExchangeHead>) -> io::Result<Open> {
        loop {
            self.last += 1;
            let name = format!("{:04}-{}", self.last, head.request.endpoint);
            let path = self.folder.join(format!("{name}.jsonl"));
            let part = path.with_extension(format!("jsonl.{PART}"));
            // Another recorder may write to the same folder.
            let file = match File::create_new(&part) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            if path.try_exists()? {
                fs::remove_file(&part)?;
                continue;
            }
            let mut open = Open { file, part, path, head, reads: 0, bytes: 0 };
            open.file.write_all(open.head.recording(name).to_jsonl().as_bytes())?;
            return Ok(open);
        }
    }
}

/// Returns the largest number that a file of the folder begins with.
fn last_number(folder: &Path) -> io::Result<u64> {
    let mut last = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}
