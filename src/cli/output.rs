//! The file that a command was asked to write: whole or not at all, and over no file that dlvgate
//! was not asked to replace.

use std::fs::Metadata;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    #[error("{} exists already: name another file, or replace it with --force", .0.display())]
    Exists(PathBuf),
    #[error("{} is {what}, and only a regular file can be replaced: name another file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    #[error("{} is the input: name another file", .0.display())]
    IsTheInput(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// A file that takes its name when it is finished. It is for its owner only, whatever was there
/// before.
#[derive(Debug)]
pub(super) struct OutputFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    input: PathBuf,
    force: bool,
}

impl OutputFile {
    /// Begins a file beside `path`. `input`: the file that is read, which must stay; `force`: an
    /// existing regular file is replaced.
    ///
    /// # Errors
    /// If `path` is taken, or no file can be made beside it.
    pub(super) fn new(path: &Path, input: &Path, force: bool) -> Result<OutputFile, OutputError> {
        check(path, input, force)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // mode 600
        let file = NamedTempFile::new_in(folder).map_err(|source| failed(path, source))?;
        let (path, input) = (path.to_owned(), input.to_owned());
        Ok(OutputFile { file: BufWriter::new(file), path, input, force })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If it cannot be written, or another file has got that name meanwhile.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        let OutputFile { file, path, input, force } = self;
        let file = file.into_inner().map_err(|error| failed(&path, error.into_error()))?;
        check(&path, &input, force)?;
        let named = if force { file.persist(&path) } else { file.persist_noclobber(&path) };
        match named {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(OutputError::Exists(path))
            }
            Err(error) => Err(failed(&path, error.error)),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Sees whether `path` may be written, before anything is made or asked.
///
/// # Errors
/// If it may not.
pub(super) fn check(path: &Path, input: &Path, force: bool) -> Result<(), OutputError> {
    let meta = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        meta => meta.map_err(|source| failed(path, source))?,
    };
    // A rename would put a file in the place of a device or of a link, and root's command even in
    // /dev.
    if let Some(what) = other_than_file(&meta) {
        return Err(OutputError::NotAFile { path: path.to_owned(), what });
    }
    let is_input = input.metadata().is_ok_and(|one| (one.dev(), one.ino()) == (meta.dev(), meta.ino()));
    match (is_input, force) {
        (true, _) => Err(OutputError::IsTheInput(path.to_owned())),
        (false, false) => Err(OutputError::Exists(path.to_owned())),
        (false, true) => Ok(()),
    }
}

fn other_than_file(meta: &Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    Some(match () {
        () if kind.is_file() => return None,
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    })
}

fn failed(path: &Path, source: io::Error) -> OutputError {
    OutputError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            let place = Place(tempfile::tempdir().unwrap());
            fs::write(place.at("input"), "recording").unwrap();
            place
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, force: bool) -> Result<(), OutputError> {
            let mut out = OutputFile::new(&self.at(name), &self.at("input"), force)?;
            out.write_all(b"page").unwrap();
            out.finish()
        }

        fn names(&self) -> usize {
            fs::read_dir(self.0.path()).unwrap().count()
        }
    }

    #[test]
    fn file_that_is_there_needs_force() {
        let place = Place::new();
        place.write("new", false).unwrap();
        fs::write(place.at("old"), "mine").unwrap();
        fs::set_permissions(place.at("old"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(place.write("old", false), Err(OutputError::Exists(_))));
        assert_eq!(fs::read_to_string(place.at("old")).unwrap(), "mine");
        place.write("old", true).unwrap();
        for name in ["new", "old"] {
            assert_eq!(fs::read_to_string(place.at(name)).unwrap(), "page");
            assert_eq!(place.at(name).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(place.names(), 3);
    }

    #[test]
    fn input_is_never_written_over() {
        let place = Place::new();
        fs::hard_link(place.at("input"), place.at("other-name")).unwrap();
        for name in ["input", "other-name"] {
            assert!(matches!(place.write(name, true), Err(OutputError::IsTheInput(_))), "{name}");
        }
        assert_eq!(fs::read_to_string(place.at("input")).unwrap(), "recording");
    }

    #[test]
    fn only_regular_files_are_replaced() {
        let place = Place::new();
        fs::write(place.at("target"), "mine").unwrap();
        symlink("target", place.at("link")).unwrap();
        symlink("nowhere", place.at("dangling")).unwrap();
        fs::create_dir(place.at("folder")).unwrap();
        nix::unistd::mkfifo(&place.at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(place.at("socket")).unwrap();
        let before = place.names();
        for name in ["link", "dangling", "folder", "pipe", "socket"] {
            for force in [false, true] {
                let refused = place.write(name, force);
                assert!(matches!(refused, Err(OutputError::NotAFile { .. })), "{name}: {refused:?}");
            }
        }
        let refused = check(Path::new("/dev/null"), &place.at("input"), true);
        assert!(refused.unwrap_err().to_string().contains("/dev/null is a device"));
        assert_eq!((place.names(), fs::read_to_string(place.at("target")).unwrap()), (before, "mine".into()));
        assert!(place.at("link").symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn file_that_appears_meanwhile_stays() {
        let place = Place::new();
        let out = OutputFile::new(&place.at("out"), &place.at("input"), false).unwrap();
        fs::write(place.at("out"), "mine").unwrap();
        assert!(matches!(out.finish(), Err(OutputError::Exists(_))));
        let out = OutputFile::new(&place.at("forced"), &place.at("input"), true).unwrap();
        symlink("out", place.at("forced")).unwrap();
        assert!(matches!(out.finish(), Err(OutputError::NotAFile { .. })));
        assert_eq!(fs::read_to_string(place.at("out")).unwrap(), "mine");
    }
}
