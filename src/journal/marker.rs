//! The thread that writes the watermark, so that no commit waits for its sync.

use std::fs::File;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Condvar;
use parking_lot::Mutex;

use crate::journal::JournalError;
use crate::journal::watermark::Mark;
use crate::journal::watermark::Watermark;

/// How often a mark is written when commits are not synced: what a power loss may take then.
const UNSYNCED_PAUSE: Duration = Duration::from_secs(1);

/// A mark to be written.
#[derive(Debug)]
pub(super) struct Posting {
    pub(super) mark: Mark,
    /// What must be synced before the mark is true; none when the commit did that.
    pub(super) unsynced: Option<Arc<File>>,
}

#[derive(Debug, Default)]
struct State {
    posting: Option<Posting>,
    writing: bool,
    stopping: bool,
    failure: Option<JournalError>,
    failed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Told of the end only, so that postings do not cut a pause short.
    stopped: Condvar,
}

/// The handle of the thread. Dropping it writes the last mark and ends the thread.
#[derive(Debug)]
pub(super) struct Marker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Marker {
    pub(super) fn start(watermark: Watermark) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("journal-mark".into())
            .spawn(move || run(&of_thread, watermark))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Has `posting` written next, in place of one that still waits.
    pub(super) fn post(&self, posting: Posting) {
        self.shared.state.lock().posting = Some(posting);
        self.shared.changed.notify_all();
    }

    /// Waits until everything that was posted is written.
    pub(super) fn settle(&self) -> Result<(), JournalError> {
        let mut state = self.shared.state.lock();
        while state.posting.is_some() || state.writing {
            self.shared.changed.wait(&mut state);
        }
        state.verdict()
    }

    /// Whether a write has failed, without waiting for one.
    pub(super) fn verdict(&self) -> Result<(), JournalError> {
        self.shared.state.lock().verdict()
    }
}

impl State {
    fn verdict(&mut self) -> Result<(), JournalError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if self.failed => Err(JournalError::Poisoned),
            None => Ok(()),
        }
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.changed.notify_all();
        self.shared.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked, and nothing would be left to do about it.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, mut watermark: Watermark) {
    let mut state = shared.state.lock();
    loop {
        let Some(posting) = state.posting.take() else {
            if state.stopping {
                return;
            }
            shared.changed.wait(&mut state);
            continue;
        };
        if state.failed {
            continue;
        }
        state.writing = true;
        drop(state);
        let written = write(&mut watermark, &posting);
        state = shared.state.lock();
        state.writing = false;
        if let Err(failure) = written {
            state.failure = Some(failure);
            state.failed = true;
        }
        shared.changed.notify_all();
        if posting.unsynced.is_some() && !state.stopping {
            shared.stopped.wait_for(&mut state, UNSYNCED_PAUSE);
        }
    }
}

fn write(watermark: &mut Watermark, posting: &Posting) -> Result<(), JournalError> {
    if let Some(file) = &posting.unsynced {
        file.sync_data().map_err(|source| JournalError::Io {
            doing: "sync",
            file: "the segment before its watermark".into(),
            source,
        })?;
    }
    watermark.write(&posting.mark)
}
