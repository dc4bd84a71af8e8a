//! The thread that does what a commit must not wait for: it opens the next segment ahead, seals full
//! ones and removes dropped ones a little at a time.

use std::collections::VecDeque;
use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::journal::BatchNumber;
use crate::journal::JournalError;
use crate::journal::JournalId;
use crate::journal::Position;
use crate::journal::directory;
use crate::journal::segment;
use crate::journal::segment::Extent;
use crate::journal::store;
use crate::journal::store::Store;

/// Jobs that may wait. A rotation is two, a trim one.
const JOBS_LEN_MAX: usize = 16;

/// How much of a file is given back at once. Where the file system discards freed blocks, giving
/// back a whole segment stalls every sync for 55 to 77 ms.
const REMOVE_STEP_BYTES: u64 = 2 * 1024 * 1024;

/// The pause after each such step.
const REMOVE_PAUSE: Duration = Duration::from_millis(20);

enum Job {
    Prepare(u64),
    Seal { directory: PathBuf, store: Store, extent: Extent },
    Remove(Vec<PathBuf>),
    Settle(SyncSender<()>),
}

/// The handle of the thread. Dropping it waits for jobs that were given, except removals: those go
/// on when the journal is opened again.
pub(super) struct Janitor {
    jobs: Option<SyncSender<Job>>,
    ready: Receiver<Result<(u64, Store), JournalError>>,
    thread: Option<JoinHandle<()>>,
}

impl Janitor {
    pub(super) fn start(journal: JournalId, directory: PathBuf) -> std::io::Result<Self> {
        let (jobs, of_thread) = sync_channel(JOBS_LEN_MAX);
        let (into_ready, ready) = sync_channel(1);
        let thread = thread::Builder::new().name("journal-janitor".into()).spawn(move || {
            let removals = VecDeque::new();
            Work { journal, directory, ready: into_ready, removals }.run(&of_thread);
        })?;
        Ok(Self { jobs: Some(jobs), ready, thread: Some(thread) })
    }

    /// Has the empty segment `number` opened; [`Janitor::next`] hands it out.
    pub(super) fn prepare(&self, number: u64) -> Result<(), JournalError> {
        self.give(Job::Prepare(number))
    }

    /// Has a full segment closed and sealed.
    pub(super) fn seal(
        &self,
        directory: PathBuf,
        store: Store,
        extent: Extent,
    ) -> Result<(), JournalError> {
        self.give(Job::Seal { directory, store, extent })
    }

    /// Has directories removed, in this order.
    pub(super) fn remove(&self, directories: Vec<PathBuf>) -> Result<(), JournalError> {
        self.give(Job::Remove(directories))
    }

    /// Waits until everything given so far is done, except removals.
    pub(super) fn settle(&self) -> Result<(), JournalError> {
        let (done, wait) = sync_channel(1);
        self.give(Job::Settle(done))?;
        wait.recv().map_err(|_| JournalError::Poisoned)
    }

    /// The segment that was prepared; waits for it.
    pub(super) fn next(&self) -> Result<(u64, Store), JournalError> {
        // The thread ends early only by a panic.
        self.ready.recv().map_err(|_| JournalError::Poisoned)?
    }

    fn give(&self, job: Job) -> Result<(), JournalError> {
        let jobs = self.jobs.as_ref().ok_or(JournalError::Poisoned)?;
        jobs.send(job).map_err(|_| JournalError::Poisoned)
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    journal: JournalId,
    directory: PathBuf,
    ready: SyncSender<Result<(u64, Store), JournalError>>,
    removals: VecDeque<PathBuf>,
}

impl Work {
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let job = if self.removals.is_empty() {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                jobs.recv_timeout(REMOVE_PAUSE)
            };
            match job {
                Ok(job) => self.perform(job),
                Err(RecvTimeoutError::Timeout) => self.remove_a_step(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn perform(&mut self, job: Job) {
        match job {
            Job::Prepare(number) => {
                let prepared = prepare(&segment::path(&self.directory, number));
                // The writer takes one before it asks for the next: there is always room.
                let _ = self.ready.try_send(prepared.map(|store| (number, store)));
            }
            Job::Seal { directory, store, extent } => {
                let sealed =
                    store.close().and_then(|()| segment::seal(&directory, self.journal, &extent));
                match sealed {
                    Ok(()) => tracing::info!(segment = %directory.display(), "sealed"),
                    // Unsealed segments are read and sealed when the journal is opened next.
                    Err(error) => tracing::warn!(%error, "cannot seal a journal segment"),
                }
            }
            Job::Remove(directories) => {
                for directory in directories {
                    match renamed(&directory) {
                        Ok(dropped) => self.removals.push_back(dropped),
                        Err(error) => {
                            // Later ones must not go before it: that would leave a gap.
                            tracing::warn!(%error, "cannot drop a journal segment");
                            return;
                        }
                    }
                }
            }
            Job::Settle(done) => {
                let _ = done.try_send(());
            }
        }
    }

    fn remove_a_step(&mut self) {
        let Some(directory) = self.removals.front() else { return };
        match shrink(&directory.join(store::DATA_FILE)) {
            Ok(Remains::Some) => return,
            Ok(Remains::None) => match fs::remove_dir_all(directory) {
                Ok(()) => tracing::info!(segment = %directory.display(), "dropped"),
                Err(error) => tracing::warn!(%error, "cannot remove a dropped journal segment"),
            },
            Err(error) => tracing::warn!(%error, "cannot shrink a dropped journal segment"),
        }
        self.removals.pop_front();
    }
}

fn prepare(directory: &Path) -> Result<Store, JournalError> {
    if !directory.is_dir() {
        return Store::create(directory);
    }
    let store = Store::open(directory)?;
    match store.first()? {
        None => Ok(store),
        Some(BatchNumber(number)) => Err(JournalError::damaged(
            &store.path(),
            Position::Batch(BatchNumber(number)),
            "a segment that was never used holds a batch",
        )),
    }
}

/// Takes the directory out of the row of segments, durably.
fn renamed(directory: &Path) -> Result<PathBuf, JournalError> {
    let Some(dropped) = segment::dropped_path(directory) else {
        // It was renamed before, or was never finished.
        return Ok(directory.to_owned());
    };
    fs::rename(directory, &dropped).map_err(JournalError::io("rename", directory))?;
    directory::sync_parent(&dropped)?;
    Ok(dropped)
}

enum Remains {
    Some,
    None,
}

fn shrink(file: &Path) -> std::io::Result<Remains> {
    let opened = match File::options().write(true).open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Remains::None),
        Err(error) => return Err(error),
    };
    let bytes = opened.metadata()?.len();
    if bytes <= REMOVE_STEP_BYTES {
        return Ok(Remains::None);
    }
    opened.set_len(bytes.saturating_sub(REMOVE_STEP_BYTES))?;
    Ok(Remains::Some)
}

#[cfg(test)]
mod tests;
