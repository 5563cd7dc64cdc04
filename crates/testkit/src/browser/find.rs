//! Whether this machine has what tests of pages need.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use super::axe;
use crate::guard::on_path;

/// Names the environment variable that points at a browser.
const GIVEN: &str = "EMBERLINE_TEST_BROWSER";
/// What Chromium is called, in the order in which it is looked for.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What is needed to test pages is not on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// There is no Chromium.
    Browser,
    /// axe-core isn't there yet, and can't be fetched.
    Npm,
}

impl Display for Missing {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Browser => {
                "needs a Chromium: install the package chromium, or set \
                 EMBERLINE_TEST_BROWSER=/path/to/it"
            }
            Self::Npm => "needs axe-core, which is fetched with npm and tar: install both",
        })
    }
}

impl std::error::Error for Missing {}

/// The Chromium that there is for tests: the one that `EMBERLINE_TEST_BROWSER` names, or one
/// on the path.
///
/// # Errors
/// [`Missing`], whose text is one line that says what to install.
pub fn availability() -> Result<PathBuf, Missing> {
    let given = std::env::var_os(GIVEN).filter(|given| !given.is_empty()).map(PathBuf::from);
    let found = || NAMES.iter().find(|name| on_path(name)).map(PathBuf::from);
    let browser = given.or_else(found).ok_or(Missing::Browser)?;
    let has_axe = axe::is_there() || (on_path("npm") && on_path("tar"));
    if has_axe { Ok(browser) } else { Err(Missing::Npm) }
}
