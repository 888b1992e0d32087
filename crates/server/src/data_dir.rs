//! The data directory: made private, used by one process at a time, and the file with the first token in it.
//!
//! This room knows files, modes and locks. It must never know what is in the database.

use crate::failure::Failure;
use pileus_model::entropy::Entropy;
use rustix::fs::{Access, access};
use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The file whose lock says that the directory is in use. It stays; the lock is the kernel's and ends with the process.
const LOCK: &str = "lock";
/// The file with the first token.
const ADMIN_TOKEN: &str = "admin-token";
/// The file with the node's name.
const NODE: &str = "node";
/// Longest name of a node.
const MAX_NODE: usize = 100;
/// The file with the master key.
const MASTER_KEY: &str = "master-key";
/// The file with the one that is to take its place.
const NEW_MASTER_KEY: &str = "master-key.new";

/// A data directory that this process holds until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory (mode 0700) if it is absent, and locks it.
    ///
    /// # Errors
    /// One line: in use, not writable, not a directory.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failure = |what: &str| Failure::new(format!("data directory {} {what}", path.display()));
        create(path).map_err(|error| failure(&format!("can't be created: {error}")))?;
        if !path.is_dir() {
            return Err(failure("is not a directory"));
        }
        access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| failure(&format!("is not writable: {error}")))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(|error| failure(&format!("is not writable: {error}")))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(failure("is in use by another pileus process")),
            Err(TryLockError::Error(error)) => Err(failure(&format!("can't be locked: {error}"))),
        }
    }
    /// Where it is, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Where the first token is.
    pub fn admin_token(&self) -> PathBuf {
        self.path.join(ADMIN_TOKEN)
    }
    /// Makes sure that the first token's file can be made: looked at before anything is set up.
    ///
    /// # Errors
    /// One line: the file is there already.
    pub fn check_no_admin_token(&self) -> Result<(), Failure> {
        let path = self.admin_token();
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Failure::new(format!("{}: {error}", path.display()))),
            Ok(_) => Err(Failure::new(format!(
                "{} exists, but the database is empty: move that file away, or name the database that it belongs to",
                path.display()
            ))),
        }
    }
    /// Where the master key is, if it is in a file.
    pub fn master_key(&self) -> PathBuf {
        self.path.join(MASTER_KEY)
    }
    /// Where the master key that is to take its place is, if it is in a file.
    pub fn new_master_key(&self) -> PathBuf {
        self.path.join(NEW_MASTER_KEY)
    }
    /// Writes the master key to its file, like the first token.
    ///
    /// # Errors
    /// One line: the file is there already, or can't be written.
    pub fn write_master_key(&self, key: &str) -> Result<(), Failure> {
        self.write_new(self.master_key(), key)
    }
    /// What the node of this directory is called: chosen at its first start, and kept. Since the directory is locked, whatever a node of
    /// this name has begun and not ended was begun by a process that is no more.
    ///
    /// # Errors
    /// One line: the file can't be read or written, or holds no name.
    pub fn node(&self, entropy: &dyn Entropy) -> Result<String, Failure> {
        let path = self.path.join(NODE);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let name = text.trim();
                let fine = !name.is_empty()
                    && name.len() <= MAX_NODE
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
                let wrong = "must hold the node's name: letters, digits, \"-\", \".\" and \"_\"";
                if fine { Ok(name.to_owned()) } else { Err(Failure::new(format!("{} {wrong}", path.display()))) }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut random = [0; 6];
                entropy.fill(&mut random);
                let name = random.iter().fold("node-".to_owned(), |name, byte| format!("{name}{byte:02x}"));
                self.write_new(path, &name)?;
                Ok(name)
            }
            Err(error) => Err(Failure::new(format!("{}: {error}", path.display()))),
        }
    }
    /// Writes the first token to its file: a new one, readable by its owner only, on disk when this returns.
    ///
    /// # Errors
    /// One line: the file is there already, or can't be written.
    pub fn write_admin_token(&self, token: &str) -> Result<(), Failure> {
        self.write_new(self.admin_token(), token)
    }
    fn write_new(&self, path: PathBuf, text: &str) -> Result<(), Failure> {
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
            writeln!(file, "{text}")?;
            file.sync_all()?;
            File::open(&self.path)?.sync_all()
        });
        written.map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }
    /// Removes the first token's file again: nothing was set up with it.
    pub fn remove_admin_token(&self) {
        let path = self.admin_token();
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!("{} could not be removed; its token opens nothing: {error}", path.display());
        }
    }
}

/// The text of a master key's file; `None` if there is none.
///
/// # Errors
/// One line: the file can't be read, or others can read it.
pub fn read_key(path: &Path) -> Result<Option<String>, Failure> {
    let failure = |what: &dyn std::fmt::Display| Failure::new(format!("{}: {what}", path.display()));
    let mode = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(&error)),
        Ok(metadata) => metadata.permissions().mode(),
    };
    if mode & 0o077 != 0 {
        return Err(failure(&"others can read the master key: its mode must be 0600"));
    }
    std::fs::read_to_string(path).map(Some).map_err(|error| failure(&error))
}

/// Makes the directory; its parents as usual, itself for the owner only.
fn create(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_is_private_and_held_by_one() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let held = DataDir::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        let message = DataDir::open(&path).unwrap_err().to_string();
        assert_eq!(message, format!("data directory {} is in use by another pileus process", path.display()));
        drop(held);
        assert!(DataDir::open(&path).is_ok(), "the lock ends with its holder, the file stays");
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(DataDir::open(file.path()).unwrap_err().to_string().ends_with("is not a directory"));
        assert!(DataDir::open(&file.path().join("x")).unwrap_err().to_string().contains("can't be created"));
    }

    #[test]
    fn the_node_keeps_its_name() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(parent.path()).unwrap();
        let name = dir.node(&pileus_model::entropy::SystemEntropy).unwrap();
        assert!(name.starts_with("node-") && name.len() == 17, "{name}");
        assert_eq!(dir.node(&pileus_model::entropy::SystemEntropy).unwrap(), name);
        std::fs::write(parent.path().join("node"), "two words\n").unwrap();
        assert!(
            dir.node(&pileus_model::entropy::SystemEntropy)
                .unwrap_err()
                .to_string()
                .contains("must hold the node's name")
        );
    }

    #[test]
    fn the_first_token_is_private_and_never_overwritten() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(parent.path()).unwrap();
        dir.check_no_admin_token().unwrap();
        dir.write_admin_token("pul-one").unwrap();
        assert_eq!(mode(&dir.admin_token()), 0o600);
        assert!(dir.write_admin_token("pul-two").is_err());
        assert!(dir.check_no_admin_token().unwrap_err().to_string().contains("exists, but the database is empty"));
        assert_eq!(std::fs::read_to_string(dir.admin_token()).unwrap(), "pul-one\n");
    }
}
