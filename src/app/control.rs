//! The socket through which a command reaches the running server, so that there is one writer and its events are heard (SPEC 5).
//!
//! `control.sock` lies in the data folder and belongs to its owner alone (0600). On it each line is one JSON value: requests one
//! way; progress lines and then one answer the other way. [`execute`] is the one place that does the work: the server calls it
//! for a request from the socket, a command without a server calls it on the shop that it has opened itself.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::opening::{self, Opening};
use crate::features::catalog::{self, Import, ImportReport};
use crate::features::{AppState, accounts, media, setup};
use crate::kernel::{Actor, Email, Error, Name, Phone, Problem};

/// A request is at most a menu in base64; the largest menus have a few megabytes.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// The largest file that [`Request::import`] and [`Request::picture`] take: base64 makes it a third longer, and the line holds a little more.
pub const MAX_IMPORT_BYTES: usize = 40 << 20;
/// Commands under way when the server ends get this long; then they are cut, and what they wrote stands or does not.
const DRAIN_TIME: Duration = Duration::from_secs(20);
/// After an error of accept (as too many open files) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// `sun_path` of unix(7) without its closing zero.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// What a command asks the owner of the folder to do. Not `Debug`: it holds passwords.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Make an account that may do everything.
    CreateOwner { name: String, email: String, phone: Option<String>, password: String },
    /// Open the shop: its settings and its owner, and the sample bakery if asked for.
    OpenShop(Opening),
    /// Make a new one-time code for the page that sets the shop up. Asked of a running server alone: it lies in its memory.
    SetupCode,
    /// Give an account a new password and end its sessions.
    ResetPassword { email: String, password: String },
    /// Bring in a menu.
    ImportProducts { csv_base64: String, set_stock: bool, dry_run: bool },
    /// Bring in a picture by the name of its file, which is without folder and ending.
    ImportPicture { name: String, bytes_base64: String, dry_run: bool },
    /// Compare books, disk and bucket, and mend.
    CheckMedia(media::compare::Asked),
    /// Say who you are, and show that the books can be read.
    Tell,
}

impl Request {
    /// The request to bring in the menu in a CSV file's bytes.
    #[must_use]
    pub fn import(csv: &[u8], set_stock: bool, dry_run: bool) -> Request {
        Request::ImportProducts { csv_base64: BASE64.encode(csv), set_stock, dry_run }
    }

    /// The request to bring in a picture's bytes under its file's name.
    #[must_use]
    pub fn picture(name: &str, bytes: &[u8], dry_run: bool) -> Request {
        Request::ImportPicture { name: name.to_owned(), bytes_base64: BASE64.encode(bytes), dry_run }
    }
}

/// How a request ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The account is there.
    OwnerCreated { name: String, email: String },
    /// The shop is open, with so many products of the sample.
    ShopOpened { name: String, email: String, products: usize },
    /// The code, the page that asks for it, and for how many seconds.
    SetupCode { code: setup::Code, page: String, seconds: u64 },
    /// The account has the new password, and so many sessions of it have ended.
    PasswordReset { email: String, sessions_ended: usize },
    /// The menu is in, or would be so (`dry_run`).
    Imported(ImportReport),
    /// What became of a picture.
    PictureImported(media::import::Imported),
    /// Books, disk and bucket were compared.
    MediaChecked(Box<media::compare::Report>),
    /// The server that owns the folder.
    Running(Running),
    /// Nothing was brought in.
    BadRows(Vec<BadRow>),
    /// It may not be; `code` is that of the API's problems.
    Refused { code: String, message: String },
    /// It could not be.
    Failed { message: String },
}

/// What a running server says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Running {
    pub version: String,
    /// Whether an owner exists.
    pub is_set_up: bool,
}

/// A row of a file that cannot be taken.
#[derive(Debug, Serialize, Deserialize)]
pub struct BadRow {
    /// From 1, the header's.
    pub line: u64,
    pub column: String,
    pub message: String,
}

/// A line from the server.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    /// What is being done now.
    Progress {
        stage: String,
    },
    Answer(Answer),
}

/// Where progress is told; it must not block.
pub type OnProgress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Does what is asked, in the running server or in a command that owns the folder itself.
pub async fn execute(shop: &AppState, request: Request, progress: OnProgress<'_>) -> Answer {
    let outcome = match request {
        Request::CreateOwner { name, email, phone, password } => create_owner(shop, &name, &email, phone, password).await,
        Request::OpenShop(opening) => opening::open_shop(shop, opening).await,
        Request::SetupCode => opening::setup_code(shop).await,
        Request::ResetPassword { email, password } => reset_password(shop, &email, password).await,
        Request::ImportProducts { csv_base64, set_stock, dry_run } => {
            import_products(shop, &csv_base64, set_stock, dry_run, progress).await
        }
        Request::ImportPicture { name, bytes_base64, dry_run } => import_picture(shop, &name, &bytes_base64, dry_run).await,
        Request::CheckMedia(asked) => {
            media::compare::compare(shop, asked, progress).await.map(|report| Answer::MediaChecked(Box::new(report)))
        }
        Request::Tell => shop
            .db
            .read(accounts::owner_exists)
            .await
            .map(|is_set_up| Answer::Running(Running { version: env!("CARGO_PKG_VERSION").to_owned(), is_set_up })),
    };
    outcome.unwrap_or_else(|error| match error {
        Error::Refused(ref problem) => Answer::Refused { code: problem.kind.code.to_owned(), message: told(problem, &error) },
        Error::Fault(fault) => Answer::Failed { message: fault.chain() },
    })
}

/// What a refusal says on a terminal: the title too, for many a detail tells only what to do.
fn told(problem: &Problem, error: &Error) -> String {
    let title = problem.kind.title_en;
    if !problem.errors.is_empty() || problem.detail == title { error.to_string() } else { format!("{title}. {error}") }
}

async fn create_owner(
    shop: &AppState,
    name: &str,
    email: &str,
    phone: Option<String>,
    password: String,
) -> Result<Answer, Error> {
    let format = shop.settings.format();
    let name = match Name::parse(name) {
        Ok(name) => name,
        Err(fault) => return Ok(refused("--name", fault.message)),
    };
    let email = match Email::parse(email) {
        Ok(email) => email,
        Err(fault) => return Ok(refused("--email", fault.message)),
    };
    let phone = match phone.map(|phone| Phone::parse(&phone, format.calling_code)).transpose() {
        Ok(phone) => phone,
        Err(fault) => return Ok(refused("--phone", fault.message)),
    };
    if let Err(fault) = accounts::check_password(&password, &email) {
        return Ok(refused("the password", fault.message));
    }
    let password_hash = shop.accounts.hash(password).await?;
    let answer = Answer::OwnerCreated { name: name.as_str().to_owned(), email: email.as_str().to_owned() };
    shop.db.write(accounts::CreateOwner { name, email, phone, password_hash }).await?;
    Ok(answer)
}

fn refused(field: &str, message: String) -> Answer {
    Answer::Refused { code: "validation_failed".to_owned(), message: format!("{field} {message}") }
}

async fn reset_password(shop: &AppState, email: &str, password: String) -> Result<Answer, Error> {
    let email = match Email::parse(email) {
        Ok(email) => email,
        Err(fault) => return Ok(refused("--email", fault.message)),
    };
    if let Err(fault) = accounts::check_password(&password, &email) {
        return Ok(refused("the password", fault.message));
    }
    let password_hash = shop.accounts.hash(password).await?;
    let set = shop.db.write(accounts::SetPassword { email: email.clone(), password_hash }).await?;
    let Some(sessions_ended) = set else {
        let message = format!(
            "no account has the e-mail address {}. Look whether it is spelt as when the account was made",
            email.as_str()
        );
        return Ok(Answer::Refused { code: "not_found".to_owned(), message });
    };
    // Whoever has lost a password has tried some; they need not wait for that.
    shop.accounts.forgive(&email);
    Ok(Answer::PasswordReset { email: email.as_str().to_owned(), sessions_ended })
}

async fn import_products(
    shop: &AppState,
    csv_base64: &str,
    set_stock: bool,
    dry_run: bool,
    progress: OnProgress<'_>,
) -> Result<Answer, Error> {
    let Ok(csv) = BASE64.decode(csv_base64) else {
        return Ok(Answer::Refused { code: "bad_request".to_owned(), message: "the menu is not in base64".to_owned() });
    };
    progress("reading the file");
    let format = shop.settings.format();
    let parsed = tokio::task::spawn_blocking(move || catalog::parse(&csv, &format)).await.map_err(crate::kernel::Fault::new)?;
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(faults) => {
            let bad = |fault: catalog::RowFault| BadRow {
                line: fault.line,
                column: fault.column.clone(),
                message: fault.message.clone(),
            };
            return Ok(Answer::BadRows(faults.into_iter().map(bad).collect()));
        }
    };
    progress(if dry_run { "comparing with the menu" } else { "writing the menu" });
    let report = shop.db.write(Import { parsed, set_stock, dry_run, by: Actor::System }).await?;
    Ok(Answer::Imported(report))
}

async fn import_picture(shop: &AppState, name: &str, bytes_base64: &str, dry_run: bool) -> Result<Answer, Error> {
    let Ok(bytes) = BASE64.decode(bytes_base64) else {
        return Ok(Answer::Refused { code: "bad_request".to_owned(), message: "the picture is not in base64".to_owned() });
    };
    Ok(Answer::PictureImported(media::import::import(shop, name, bytes, dry_run).await?))
}

/// The server's end of the socket; the file goes with it.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Opens the socket. The caller owns the folder, so a file that is there was left by a server that ended without a goodbye.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn open(path: &Path) -> io::Result<Control> {
        let fresh = path.with_extension("sock.new");
        remove_if_there(&fresh)?;
        let listener = with_short_path(&fresh, |short| UnixListener::bind(short))?;
        // Under its own name it is never open to others, not even for a moment.
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
        fs::rename(&fresh, path)?;
        Ok(Control { listener, path: path.to_owned() })
    }

    /// Serves commands until `stop` turns true; those under way are let end.
    pub async fn serve(self, shop: AppState, mut stop: watch::Receiver<bool>) {
        let mut talks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = talks.join_next() => continue,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    talks.spawn(talk(stream, Arc::clone(&shop), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(error = %error, "a command could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        let all = async { while talks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIME, all).await.is_err() {
            tracing::warn!("a command had not ended after {} s and was cut", DRAIN_TIME.as_secs());
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = remove_if_there(&self.path) {
            tracing::warn!(error = %error, path = %self.path.display(), "the control socket could not be removed");
        }
    }
}

/// One command's connection: its requests one after the other.
async fn talk(stream: UnixStream, shop: AppState, mut stop: watch::Receiver<bool>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let line = tokio::select! {
            line = read_line(&mut read) => line,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = %error, "a command could not be read");
                return;
            }
        };
        let (progress, mut stages) = mpsc::unbounded_channel::<String>();
        let answer = async {
            // Owned by this block, so that `stages` ends with it.
            let progress = progress;
            match serde_json::from_slice(&line) {
                // The text of a JSON error may repeat what was sent, and that may be a password.
                Err(_) => Answer::Refused {
                    code: "bad_json".to_owned(),
                    message: "the running server does not understand this command. It may be of another version: restart it"
                        .to_owned(),
                },
                Ok(request) => {
                    execute(&shop, request, &|stage| {
                        let _ = progress.send(stage.to_owned());
                    })
                    .await
                }
            }
        };
        // The work goes on to its end even if the command has gone away: what was asked for is not half done.
        let tell = async {
            let mut heard = true;
            while let Some(stage) = stages.recv().await {
                heard = heard && write_line(&mut write, &Told::Progress { stage }).await.is_ok();
            }
            heard
        };
        let (answer, heard) = tokio::join!(answer, tell);
        if !heard || write_line(&mut write, &Told::Answer(answer)).await.is_err() {
            return;
        }
    }
}

/// Asks the server that owns a folder. `None` if there is none.
///
/// # Errors
/// If the server went away in the middle: what was asked for may or may not have been done.
pub async fn ask(socket: &Path, request: &Request, progress: OnProgress<'_>) -> io::Result<Option<Answer>> {
    let stream = match with_short_path(socket, |short| std::os::unix::net::UnixStream::connect(short)) {
        Ok(stream) => stream,
        // No file, or one that nobody listens on.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(error),
    };
    stream.set_nonblocking(true)?;
    let (read, mut write) = UnixStream::from_std(stream)?.into_split();
    write_line(&mut write, request).await?;
    let mut read = BufReader::new(read);
    while let Some(line) = read_line(&mut read).await? {
        match serde_json::from_slice(&line).map_err(io::Error::from)? {
            Told::Progress { stage } => progress(&stage),
            Told::Answer(answer) => return Ok(Some(answer)),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

async fn read_line(read: &mut (impl AsyncRead + Unpin + AsyncBufReadExt)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    read.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 >= MAX_LINE_BYTES => Err(io::ErrorKind::FileTooLarge.into()),
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

async fn write_line(write: &mut (impl AsyncWriteExt + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
    line.push(b'\n');
    write.write_all(&line).await?;
    write.flush().await
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A socket's path may have 107 bytes only (unix(7)); a longer one is reached through its folder's descriptor.
fn with_short_path<T>(path: &Path, run: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().as_bytes().len() <= MAX_SOCKET_PATH_BYTES {
        return run(path);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let folder = File::open(folder)?;
    run(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_nobody_listens_there_is_no_answer_and_no_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("control.sock");
        let request = Request::import(b"", false, true);
        assert!(ask(&socket, &request, &|_| ()).await.expect("no server").is_none());
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
        assert!(socket.exists(), "a server that was killed leaves its socket");
        assert!(ask(&socket, &request, &|_| ()).await.expect("no server").is_none());
    }

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_replaces_a_stale_one_and_goes_with_the_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("d".repeat(120));
        fs::create_dir(&deep).expect("a folder whose path is too long for a socket");
        for socket in [folder.path().join("control.sock"), deep.join("control.sock")] {
            let first = Control::open(&socket).expect("a socket");
            let mode = fs::metadata(&socket).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let second = Control::open(&socket).expect("the first counts as stale: its owner had lost the folder");
            drop(first);
            drop(second);
            assert!(!socket.exists());
        }
    }

    #[tokio::test]
    async fn a_line_is_read_whole_or_not_at_all() {
        let mut lines = BufReader::new(&b"one\ntw"[..]);
        assert_eq!(read_line(&mut lines).await.expect("a line").as_deref(), Some(&b"one"[..]));
        assert_eq!(read_line(&mut lines).await.expect_err("cut").kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read_line(&mut lines).await.expect("the end"), None);
    }
}
