//! Signed links: where a picture is served, until when.

use std::sync::Arc;

use crate::kernel::UtcMs;
use crate::kernel::time::span::DAY_MS;
use crate::security::Keys;

use super::{PictureHash, Size};

const WEEK_MS: i64 = 7 * DAY_MS;
/// Monday, 5 January 1970, 00:00 UTC.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// A week: its number, counted from the Monday after 1 January 1970, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Week(i64);

impl Week {
    #[must_use]
    pub fn of(moment: UtcMs) -> Week {
        Week((moment.ms() - FIRST_MONDAY_MS).div_euclid(WEEK_MS))
    }

    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn from_number(number: i64) -> Week {
        Week(number)
    }

    /// Monday, 00:00 UTC.
    #[must_use]
    pub fn begins(self) -> UtcMs {
        UtcMs::from_ms(FIRST_MONDAY_MS.saturating_add(self.0.saturating_mul(WEEK_MS)))
    }

    /// The week with whose beginning the links of this one end: the second next Monday. So all links of a week are equal, and each is
    /// good for a week at least.
    #[must_use]
    pub fn links_end(self) -> Week {
        Week(self.0 + 2)
    }
}

/// Makes the links of one week.
#[derive(Clone)]
pub struct Links {
    keys: Arc<Keys>,
    /// `[server] public_url`, without a slash at its end.
    public_url: Arc<str>,
    ends: Week,
}

impl Links {
    #[must_use]
    pub fn new(keys: &Arc<Keys>, public_url: &str, week: Week) -> Links {
        Links { keys: Arc::clone(keys), public_url: public_url.into(), ends: week.links_end() }
    }

    /// The absolute link to a picture in a size; it answers with WebP or JPEG, as the caller takes it.
    #[must_use]
    pub fn to(&self, picture: PictureHash, size: Size) -> String {
        let ends = self.ends.number();
        let key = self.keys.media_key(picture.as_bytes(), size.code(), ends);
        format!("{}/media/{picture}/{}?until={ends}&key={key}", self.public_url, size.code())
    }
}
