//! Root working on another user's folder becomes that user first, so that no file in it ends up root's and the server, which
//! has no such power, can still read them.

use std::path::Path;

use nix::unistd::{Gid, Uid, User, geteuid, setgid, setgroups, setuid};

use super::exit::{Failure, Outcome};
use crate::db::DataFolder;

/// Becomes the owner of a folder if this is root's process and the folder is there and somebody else's. There is no way back.
pub fn owner_of(folder: &Path) -> Outcome {
    if !geteuid().is_root() {
        return Ok(());
    }
    let Some((uid, gid)) = DataFolder::owner_of(folder) else { return Ok(()) };
    let owner = Uid::from_raw(uid);
    if owner.is_root() {
        return Ok(());
    }
    let group = User::from_uid(owner).ok().flatten().map_or(Gid::from_raw(gid), |user| user.gid);
    // In this order: without root's power neither groups nor group could be changed any more.
    setgroups(&[group]).and_then(|()| setgid(group)).and_then(|()| setuid(owner)).map_err(|error| {
        Failure::because(format!(
            "{} belongs to user {uid}, and root cannot become that user: {error}. Run the command as that user",
            folder.display()
        ))
    })
}
