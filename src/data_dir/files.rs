//! Small files that are whole or absent, also after a power loss.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::DataDirError;

/// Longest small file; a longer one is damaged.
const SMALL_FILE_BYTES_MAX: u64 = 64 * 1024;

/// How a file is called while it is written.
const UNFINISHED: &str = ".unfinished";

/// Writes the file beside its place, syncs it, moves it there and syncs the directory. Only the
/// owner may read it.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = Path::new(&unfinished);
    // One that a crash left behind may belong to an earlier mode.
    match fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(unfinished, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Whether the name is of a file whose writing a crash cut short.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.ends_with(UNFINISHED)
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The text of a small file, or `None` when there is none.
pub(super) fn read_bounded(path: &Path) -> Result<Option<String>, DataDirError> {
    let failed = |cause| DataDirError::Io { path: path.to_owned(), cause };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(DataDirError::Damaged { file: path.to_owned(), what: "no text".to_owned() }),
    }
}

/// The names in a directory, sorted.
pub(super) fn contents(path: &Path) -> Result<Vec<String>, DataDirError> {
    let failed = |cause| DataDirError::Io { path: path.to_owned(), cause };
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}
